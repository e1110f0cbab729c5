"""Hellos of every kind, whole, byte by byte and cut anywhere; and garbage, which names nobody."""

import ssl
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as some

from proxy.capture.tunnels.hello import HELLO_BYTES, Hello, Other, Plain, Tls, Verdict


def tls_hello(name: str | None, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """What Python's own TLS client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = most
    context.set_alpn_protocols(["h2", "http/1.1"])
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


HELLO = tls_hello("api.openai.com")
HEAD = b"POST /v1/chat HTTP/1.1\r\nAccept: */*\r\nHost: api.openai.com\r\nX-Host: no\r\n\r\n"


def read(data: bytes, cuts: tuple[int, ...] = ()) -> Verdict | None:
    """The verdict on `data` in pieces. Feeds all of it: a verdict may not change any more."""
    hello = Hello()
    verdict = None
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        now = hello.feed(data[start:end])
        assert verdict is None or now is verdict
        verdict = now
    assert hello.data == data
    return verdict


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("api.openai.com", ssl.TLSVersion.TLSv1_3),
        ("api.openai.com", ssl.TLSVersion.TLSv1_2),
        ("API.OpenAI.com", ssl.TLSVersion.TLSv1_3),
        (None, ssl.TLSVersion.TLSv1_3),
    ],
)
def test_a_tls_client_says_whom_it_wants(name: str | None, most: ssl.TLSVersion) -> None:
    assert read(tls_hello(name, most)) == Tls(name.lower() if name else None)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("_dns.example-1.com", "_dns.example-1.com"),
        ("localhost", "localhost"),
    ],
)
def test_names_are_a_labels(said: str, heard: str) -> None:
    assert read(tls_hello(said)) == Tls(heard)


@pytest.mark.parametrize(
    "name",
    [b"api.openai.com", b"API.OpenAI.com", b"api.openai.co."],
)
def test_a_name_is_spelled_as_policies_do(name: bytes) -> None:
    heard = name.decode().lower().removesuffix(".")
    assert read(HELLO.replace(b"api.openai.com", name)) == Tls(heard)


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\x1b[2Jnai.com.",
        b"api\r\nenai.com",
        b"api openai.com",
        b"api:openai.com",
        b"*.openai.co/m",
    ],
)
def test_what_is_no_name_is_none(name: bytes) -> None:
    hook = sys.unraisablehook
    assert read(HELLO.replace(b"api.openai.com", name[:14].ljust(14, b"-"))) == Tls(None)
    assert sys.unraisablehook is hook


def test_an_old_client_is_read_all_the_same() -> None:
    """Its version is refused by whoever answers it, not here."""
    old = bytearray(tls_hello("api.openai.com", ssl.TLSVersion.TLSv1_2))
    at = old.index(b"\x03\x03", 5)
    old[at : at + 2] = b"\x03\x01"
    assert read(bytes(old)) == Tls("api.openai.com")


def test_a_hello_over_several_records() -> None:
    """RFC 8446 5.1: a handshake message may be cut at any byte."""
    message = HELLO[5:]
    records = [message[start : start + 100] for start in range(0, len(message), 100)]
    cut = b"".join(HELLO[:3] + len(piece).to_bytes(2, "big") + piece for piece in records)
    assert read(cut) == Tls("api.openai.com")


@pytest.mark.parametrize(
    "data", [HELLO, tls_hello(None), HEAD, HEAD.replace(b"\r\n", b"\n")], ids=range(4)
)
def test_byte_by_byte_says_the_same(data: bytes) -> None:
    assert read(data, tuple(range(1, len(data)))) == read(data)
    assert read(data) is not None


@given(some.sampled_from((HELLO, HEAD)), some.data())
def test_any_chunking_says_the_same(data: bytes, choice: some.DataObject) -> None:
    cuts = choice.draw(some.lists(some.integers(0, len(data)), max_size=5))
    assert read(data, tuple(sorted(cuts))) == read(data)


@given(some.sampled_from((b"", HELLO[:11], HELLO[:150], HEAD[:30])), some.binary(max_size=300))
def test_garbage_is_judged_or_waited_for(begin: bytes, rest: bytes) -> None:
    read(begin + rest)


@given(some.integers(0, len(HELLO) - 1), some.integers(0, 255))
def test_a_spoilt_hello_is_judged_or_waited_for(at: int, value: int) -> None:
    verdict = read(HELLO[:at] + bytes([value]) + HELLO[at + 1 :])
    assert verdict is None or isinstance(verdict, Tls | Other)


@pytest.mark.parametrize("host", ["api.openai.com", "API.openai.COM.", "api.openai.com:8080"])
def test_the_host_of_a_request(host: str) -> None:
    assert read(HEAD.replace(b"api.openai.com", host.encode())) == Plain("api.openai.com")


@pytest.mark.parametrize(
    ("host", "heard"),
    [
        ("192.0.2.7:80", "192.0.2.7"),
        ("[2001:DB8::1]:80", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_the_host_may_be_an_address(host: str, heard: str) -> None:
    assert read(HEAD.replace(b"api.openai.com", host.encode())) == Plain(heard)


@pytest.mark.parametrize(
    "line",
    [
        b"X: y",
        b"Host:",
        b"Host: a.test\r\nhost: a.test",
        b"Host: a.test\r\n b.test",
        b"Host : a.test",
        b"Host: a.test/b",
        b"Host: me@a.test",
        b"Host: \xc3\xbc.test",
        b"Host: [::1",
        b"Host: a.test:99999999",
        b"Host: a.test\r\n" + b"X: y\r\n" * 300 + b"X: z",
    ],
)
def test_a_request_that_names_no_host(line: bytes) -> None:
    assert read(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n") == Plain(None)


def test_a_request_without_fields() -> None:
    assert read(b"GET / HTTP/1.0\r\n\r\n") == Plain(None)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"EHLO example.com\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"\x15\x03\x01\x00\x02\x01\x00",
        b"\x80\x2e\x01\x03\x01",
        b"\x00",
        b" GET / HTTP/1.1\r\n",
        b"A" * 40,
    ],
)
def test_something_else(data: bytes) -> None:
    assert read(data) == Other()


def test_too_little_is_waited_for() -> None:
    assert read(b"") is None
    assert read(HEAD[:-1]) is None
    assert read(HELLO[:-1]) is None
    assert read(b"G") is None


def test_too_much_is_not() -> None:
    head = b"GET / HTTP/1.1\r\nX: "
    assert read(head + b"x" * (HELLO_BYTES - len(head))) is None
    assert read(head + b"x" * HELLO_BYTES) == Other()
    endless = b"\x16\x03\x01\x00\x64\x01\x00\xff\xff" + b"\0" * 96
    record = b"\x16\x03\x01\x00\x64" + b"\0" * 100
    assert read(endless + record * (HELLO_BYTES // 105 + 1)) == Other()


def test_a_hello_leaves_nothing_behind() -> None:
    """The context is shared; what one client said is not told to another."""
    assert read(tls_hello("one.test")) == Tls("one.test")
    assert read(tls_hello(None)) == Tls(None)
    half, whole = Hello(), tls_hello("half.test")
    assert half.feed(whole[:50]) is None
    assert read(tls_hello("two.test")) == Tls("two.test")
    assert half.feed(whole[50:]) == Tls("half.test")
