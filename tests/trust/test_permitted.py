"""Hosts as policies spell them, and as certificates say them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from proxy.trust.error import NotTrustworthy
from proxy.trust.permitted import NOBODY, Host, Permitted, host_of

_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
_NAMES = st.lists(_LABEL, min_size=2, max_size=4).map(".".join).filter(lambda name: name[-1] > "9")
_HOSTS = st.one_of(_NAMES, st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("api.example.com", "api.example.com"),
        ("API.Example.com.:443", "api.example.com"),
        ("localhost:11434", "localhost"),
        ("my_proxy", "my_proxy"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.0.0.1", IPv4Address("127.0.0.1")),
        ("127.0.0.1:8080", IPv4Address("127.0.0.1")),
        ("::1", IPv6Address("::1")),
        ("[::1]", IPv6Address("::1")),
        ("[2001:DB8::1]:443", IPv6Address("2001:db8::1")),
        ("[fe80::1%eth0]", IPv6Address("fe80::1")),
        ("::ffff:10.0.0.1", IPv4Address("10.0.0.1")),
    ],
)
def test_a_host_is_read_in_every_spelling(text: str, host: Host) -> None:
    assert host_of(text) == host


@pytest.mark.parametrize(
    "text", ["", ":443", "a..b", "*.example.com", "a b", "a/b", "x" * 64, "a.b\n", "[::1", "a:b"]
)
def test_what_no_certificate_can_name_is_refused(text: str) -> None:
    with pytest.raises(NotTrustworthy, match="no certificate can be made"):
        host_of(text)


@given(st.lists(_HOSTS, max_size=5))
def test_what_a_certificate_says_is_read_back(hosts: list[str]) -> None:
    permitted = Permitted.of(hosts)
    assert Permitted.read(permitted.said()) == permitted
    assert Permitted.of(permitted.words()) == permitted


@pytest.mark.parametrize(
    ("hosts", "names", "excluded"),
    [
        ((), [NOBODY], ["0.0.0.0/0", "::/0"]),
        (("a.example",), ["a.example"], ["0.0.0.0/0", "::/0"]),
        (("10.0.0.1",), [NOBODY], ["::/0"]),
        (("a.example", "::1"), ["a.example"], ["0.0.0.0/0"]),
        (("10.0.0.1", "::1"), [NOBODY], []),
    ],
)
def test_no_kind_of_name_is_left_open(
    hosts: tuple[str, ...], names: list[str], excluded: list[str]
) -> None:
    said = Permitted.of(hosts).said()
    permitted = said.permitted_subtrees or ()
    assert [name.value for name in permitted if isinstance(name, x509.DNSName)] == names
    networks = [IPv6Network(text) if ":" in text else IPv4Network(text) for text in excluded]
    assert [name.value for name in said.excluded_subtrees or ()] == networks


def test_words_are_names_then_addresses() -> None:
    hosts = ["::1", "10.0.0.1", "z.example", "9.example", "10.0.0.1:80"]
    assert Permitted.of(hosts).words() == ("9.example", "z.example", "10.0.0.1", "::1")


def test_more_hosts_cover_fewer() -> None:
    few, more = Permitted.of(["a.example"]), Permitted.of(["A.example:443", "b.example"])
    assert more >= few
    assert not few >= more
    assert few | more == more
