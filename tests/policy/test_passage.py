"""To whom a request may be passed through, and who of them may be private."""

import pytest

from proxy.policy.passage import Passage
from tests.policy.loading import OPENAI, loaded, refused

LIST = OPENAI + (
    "passthrough: [PyPI.org, '*.Example.com', 192.168.1.20, 10.0.0.0/8, '[fd00::1]', 'fd12::/16',"
    " registry.npmjs.org.]\n"
)


def passage(text: str, loopback: bool = True) -> Passage:
    return Passage.of(loaded(text).passthrough, loopback)


def test_entries_have_one_spelling() -> None:
    assert loaded(LIST).passthrough == (
        "pypi.org",
        "*.example.com",
        "192.168.1.20",
        "10.0.0.0/8",
        "fd00::1",
        "fd12::/16",
        "registry.npmjs.org",
    )


@pytest.mark.parametrize(
    ("host", "admitted", "exempt"),
    [
        ("pypi.org", True, True),
        ("PyPI.org.", True, True),
        ("files.pypi.org", False, False),
        ("notpypi.org", False, False),
        ("a.example.com", True, False),
        ("a.b.example.com", True, False),
        ("example.com", False, False),
        ("badexample.com", False, False),
        ("192.168.1.20", True, True),
        ("192.168.1.21", False, False),
        ("10.1.2.3", True, True),
        ("::ffff:10.1.2.3", True, True),
        ("[::ffff:a01:203]", True, True),
        ("11.0.0.1", False, False),
        ("[fd00::1]", True, True),
        ("fd12:0:0::9", True, True),
        ("fd13::1", False, False),
        ("10.1", False, False),
        ("0x0a010203", False, False),
        ("169.254.169.254", False, False),
        ("", False, False),
        ("1.example.com", True, False),
    ],
)
def test_a_list(host: str, admitted: bool, exempt: bool) -> None:
    listed = passage(LIST)
    assert (listed.admits(host, 443), listed.exempts(host, 443)) == (admitted, exempt)


@pytest.mark.parametrize("host", ["pypi.org", "127.0.0.1", "[::1]", "169.254.169.254"])
def test_a_word_is_about_everybody(host: str) -> None:
    assert passage(OPENAI + "passthrough: allow\n", loopback=False).admits(host, 443)
    assert not passage(OPENAI + "passthrough: deny\n").admits(host, 443)
    assert not passage(OPENAI + "passthrough: allow\n").exempts(host, 443), (
        "addresses are looked at"
    )


def test_nothing_said_goes_by_who_can_reach_us() -> None:
    assert passage(OPENAI, loopback=True).admits("pypi.org", 443)
    assert not passage(OPENAI, loopback=False).admits("pypi.org", 443)


def test_why_not_names_who_may_be_reached() -> None:
    assert passage(OPENAI + "passthrough: deny\n").why_not == "passthrough is denied"
    many = ", ".join(f"h{number}.test" for number in range(30))
    why_not = passage(f"{OPENAI}passthrough: [{many}]\n").why_not
    assert why_not.startswith("passthrough is for others only: h0.test, h1.test")
    assert why_not.endswith("h9.test, ...")


_RIGHT = "write one like pypi.org, '*.example.com', 192.168.1.20 or 10.0.0.0/8"


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ("https://x.test", "is no network"),
        ("x.test:0", "has no port that there is"),
        ("'*'", "is no host"),
        ("'*.'", "is no host"),
        ("'a.*.test'", "is no host"),
        ("'user@x.test'", "is no host"),
        ("'x。test'", "is no host"),
        ("10.1.2.3/8", "is no network (10.1.2.3/8 has host bits set)"),
        ("10.0.0.0/33", "is no network"),
        ("10.0.0.0/8/8", "is no network"),
        ("127.1", "'127.1' is an address in an odd spelling"),
        ("'0x7f000001'", "is an address in an odd spelling"),
        ("'0251.0376.0251.0376'", "is an address in an odd spelling"),
        ("'fe80::1%eth0'", "has a zone"),
        ("''", "is no host"),
        ("{a: b}", "wants text, not a mapping"),
    ],
)
def test_what_is_no_entry_is_told_with_its_place(entry: str, wrong: str) -> None:
    (complaint,) = refused(
        f"{OPENAI}passthrough: [pypi.org, {entry}]\n".replace("127.1", "'127.1'")
    )
    assert complaint.startswith("a.yaml:3:25: ")
    assert wrong in complaint
    if "mapping" not in wrong:
        assert complaint.endswith(_RIGHT)


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("pypi.org", "'pypi.org' is neither allow nor deny; write one of them, or a list of hosts"),
        ("[]", "'passthrough' is empty"),
        ("{}", "'passthrough' wants a list, not a mapping"),
        ("3", "'passthrough' wants a list, not 3"),
    ],
)
def test_what_is_neither_a_word_nor_a_list(written: str, wrong: str) -> None:
    (complaint,) = refused(f"{OPENAI}passthrough: {written}\n")
    assert complaint.startswith(f"a.yaml:3:14: {wrong}")


def test_a_word_in_a_list_is_a_host() -> None:
    """Which nobody is called: it opens nothing."""
    listed = passage(OPENAI + "passthrough: [allow, pypi.org]\n")
    assert listed.admits("pypi.org", 443)
    assert not listed.admits("elsewhere.test", 443)


def test_a_list_may_come_from_a_variable() -> None:
    text = OPENAI + "passthrough: ['${MIRROR:-pypi.org}']\n"
    assert loaded(text).passthrough == ("pypi.org",)
    assert loaded(text, MIRROR="mirror.test").passthrough == ("mirror.test",)


def test_an_entry_with_a_port_is_for_that_port() -> None:
    written = "passthrough: ['127.0.0.1:9443', 'Near.Test:8443', '[::1]:9443']\n"
    listed = passage(OPENAI + written, loopback=False)
    for host, port in (("127.0.0.1", 9443), ("near.test", 8443), ("near.test.", 8443)):
        assert listed.lists(host, port)
        assert listed.admits(host, port)
        assert listed.exempts(host, port)
        assert not listed.admits(host, 443)
        assert not listed.exempts(host, 443)
    assert listed.lists("::1", 9443)
    assert listed.lists("[::1]", 9443)
