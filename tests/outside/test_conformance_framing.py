"""Where a request ends: RFC 9112 6 and 7. Whoever takes one for two, or two for one, lets others
smuggle requests past whoever stands before him."""

from collections.abc import Iterator

import pytest

from proxy.drill.server.turn import Request
from tests.outside.conformance import Case, Face, Seen, chunks, each, get, post, run
from tests.outside.policies import Providers, one
from tests.outside.process import Serving, policy, serving
from tests.provider import Provider

CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = b"GET {t}/smuggled HTTP/1.1\r\nHost: {h}\r\n\r\n"
END = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("framing"), one(providers))) as running:
        yield running


def _body(body: bytes) -> Seen:
    """The provider's first request has it, framed by a length, and by nothing else."""

    def check(requests: list[Request]) -> None:
        seen = requests[0]
        assert seen.body == body
        assert seen.values("Content-Length") == [str(len(body))]
        assert not seen.values("Transfer-Encoding")

    return check


def _length(value: bytes, body: bytes = b"hello") -> bytes:
    return post(b"Content-Length: " + value, body=body + SMUGGLED)


def _coding(*values: bytes, body: bytes = END, version: bytes = b"HTTP/1.1") -> bytes:
    fields = (b"Transfer-Encoding: " + value for value in values)
    return post(*fields, body=body + SMUGGLED, version=version)


def _broken(body: bytes) -> bytes:
    return chunks(body + SMUGGLED)


LENGTHS = (
    Case("a length", post(b"Content-Length: 5", body=b"hello"), (200,), check=_body(b"hello")),
    Case("a length of 0", post(b"Content-Length: 0"), (200,), check=_body(b"")),
    Case("no length is no body", post(), (200,), check=_body(b"")),
    Case("blanks around it", post(b"Content-Length: \t5 ", body=b"hello"), (200,), check=_body(b"hello")),
    Case("leading zeros", post(b"Content-Length: 005", body=b"hello"), (200,), check=_body(b"hello")),
    Case("a GET with a body", get(b"Content-Length: 5") + b"hello", (200,), check=_body(b"hello")),
    Case("a body like a request", post(b"Content-Length: 5", body=b"GET /") + get(), (200, 200), check=_body(b"GET /")),
    Case("two equal lengths", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), (400,)),
    Case("two lengths", post(b"Content-Length: 0", b"Content-Length: 9", body=SMUGGLED), (400,)),
    Case("two lengths, the other way", post(b"Content-Length: 9", b"Content-Length: 0", body=SMUGGLED), (400,)),
    Case("two spellings of it", post(b"Content-Length: 0", b"content-LENGTH: 9", body=SMUGGLED), (400,)),
    Case("a list of lengths", _length(b"5, 5"), (400,)),
    Case("a list of two lengths", _length(b"5, 0"), (400,)),
    Case("a length with a plus", _length(b"+5"), (400,)),
    Case("a length below 0", _length(b"-1"), (400,)),
    Case("a length in hexadecimal", _length(b"0x5"), (400,)),
    Case("a length with an underscore", _length(b"0_5"), (400,)),
    Case("a length with a point", _length(b"5.0"), (400,)),
    Case("a length with an exponent", _length(b"5e0"), (400,)),
    Case("a length with a blank in it", _length(b"5 0"), (400,)),
    Case("a length in quotes", _length(b'"5"'), (400,)),
    Case("a length in other digits", _length("\u0665".encode()), (400,)),
    Case("a length in digits of Latin-1", _length(b"\xb2"), (400,)),
    Case("an empty length", _length(b""), (400,)),
    Case("a length of 2**64 - 1", _length(b"18446744073709551615"), (413,)),
    Case("a length of 2**64", _length(b"18446744073709551616"), (400,)),
    Case("a length of 60 digits", _length(b"9" * 60), (400,)),
    Case("a length behind a vertical tab", _length(b"\x0b5"), (400,)),
)  # fmt: skip

CODINGS = (
    Case("chunks", chunks(b"5\r\nhello\r\n0\r\n\r\n"), (200,), check=_body(b"hello")),
    Case("CHUNKED", post(b"TRANSFER-ENCODING: CHUNKED", body=b"1\r\na\r\n" + END), (200,), check=_body(b"a")),
    Case("a length and chunks", post(b"Content-Length: 5", CHUNKED, body=END + SMUGGLED), (400,)),
    Case("chunks and a length", post(CHUNKED, b"Content-Length: 5", body=END + SMUGGLED), (400,)),
    Case("a length of 0 and chunks", post(b"Content-Length: 0", CHUNKED, body=END + SMUGGLED), (400,)),
    Case("chunked twice, in two fields", _coding(b"chunked", b"chunked"), (400,)),
    Case("chunked twice, in one", _coding(b"chunked, chunked"), (400,)),
    Case("chunked, then identity", _coding(b"chunked", b"identity"), (400,)),
    Case("identity, then chunked", _coding(b"identity", b"chunked"), (400,)),
    Case("identity", _coding(b"identity"), (400,)),
    Case("identity and a length", post(b"Content-Length: 5", b"Transfer-Encoding: identity", body=b"hello"), (400,)),
    Case("gzip, then chunked", _coding(b"gzip, chunked"), (501,)),
    Case("gzip alone", _coding(b"gzip"), (400,)),
    Case("chunked, then gzip", _coding(b"chunked, gzip"), (400,)),
    Case("an unknown coding, then chunked", _coding(b"cow, chunked"), (400,)),
    Case("xchunked", _coding(b"xchunked"), (400,)),
    Case("chunkedx", _coding(b"chunkedx"), (400,)),
    Case("chunked with a parameter", _coding(b"chunked;q=1"), (400,)),
    Case("chunked in quotes", _coding(b'"chunked"'), (400,)),
    Case("chunked behind a comma", _coding(b", chunked"), (400,)),
    Case("chunked before a comma", _coding(b"chunked,"), (400,)),
    Case("chunked behind a vertical tab", _coding(b"\x0bchunked"), (400,)),
    Case("chunked behind a no-break space", _coding(b"\xa0chunked"), (400,)),
    Case("chunked with a NUL", _coding(b"chunked\0"), (400,)),
    Case("an empty coding", _coding(b""), (400,)),
    Case("a blank before the colon of a coding", post(b"Transfer-Encoding : chunked", body=END), (400,)),
    Case("a folded coding", post(b"Transfer-Encoding:\r\n chunked", body=END), (400,)),
    Case("a coding in HTTP/1.0", _coding(b"chunked", version=b"HTTP/1.0"), (400,)),
    Case("a coding and a length in HTTP/1.0", post(b"Content-Length: 5", CHUNKED, body=END, version=b"HTTP/1.0"), (400,)),
    Case("a coding with an underscore is none", post(b"Transfer_Encoding: chunked", b"Content-Length: 5", body=b"hello"), (200,), check=_body(b"hello")),
)  # fmt: skip

CHUNKS = (
    Case("many chunks", chunks(b"1\r\na\r\n" * 2000 + END), (200,), check=_body(b"a" * 2000)),
    Case("hexadecimal in both cases", chunks(b"A\r\n0123456789\r\na\r\n0123456789\r\n" + END), (200,), check=_body(b"0123456789" * 2)),
    Case("leading zeros of a size", chunks(b"0001\r\na\r\n000\r\n\r\n"), (200,), check=_body(b"a")),
    Case("extensions", chunks(b'1;a;b=c;d="e"\r\na\r\n0;x\r\n\r\n'), (200,), check=_body(b"a")),
    Case("a size that is none", _broken(b"zz\r\na\r\n" + END), (400,)),
    Case("an empty size", _broken(b"\r\na\r\n" + END), (400,)),
    Case("a size below 0", _broken(b"-1\r\na\r\n" + END), (400,)),
    Case("a size with a plus", _broken(b"+1\r\na\r\n" + END), (400,)),
    Case("a size with 0x", _broken(b"0x1\r\na\r\n" + END), (400,)),
    Case("a size with an underscore", _broken(b"0_1\r\na\r\n" + END), (400,)),
    Case("a size of 2**64", _broken(b"10000000000000000\r\na\r\n" + END), (400,)),
    Case("a size of 2**64 + 1", _broken(b"10000000000000001\r\na\r\n" + END), (400,)),
    Case("a blank before a size", _broken(b" 1\r\na\r\n" + END), (400,)),
    Case("a blank behind a size", _broken(b"1 \r\na\r\n" + END), (400,)),
    Case("a tab behind a size", _broken(b"1\t\r\na\r\n" + END), (400,)),
    Case("LF behind a size", _broken(b"1\na\r\n" + END), (400,)),
    Case("CR behind a size", _broken(b"1\ra\r\n" + END), (400,)),
    Case("LF within an extension", _broken(b"1;a\nb\r\na\r\n" + END), (400,)),
    Case("CR within an extension", _broken(b"1;a\rb\r\na\r\n" + END), (400,)),
    Case("NUL within an extension", _broken(b"1;\0\r\na\r\n" + END), (400,)),
    Case("an extension of 1 MB", _broken(b"1;" + b"x" * 1_000_000 + b"\r\na\r\n" + END), (400,)),
    Case("a chunk shorter than its size", _broken(b"5\r\nab\r\n" + END), (400,)),
    Case("a chunk longer than its size", _broken(b"1\r\nab\r\n" + END), (400,)),
    Case("LF behind a chunk", _broken(b"1\r\na\n" + END), (400,)),
    Case("nothing behind a chunk", _broken(b"1\r\na" + END), (400,)),
    Case("trailers are dropped", chunks(b"1\r\na\r\n0\r\nX-Trailer: 1\r\n\r\n", b"Trailer: X-Trailer"), (200,), check=_body(b"a")),
    Case("a length among trailers", _broken(b"1\r\na\r\n0\r\nContent-Length: 5\r\n\r\n"), (400,)),
    Case("a coding among trailers", _broken(b"1\r\na\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), (400,)),
    Case("a Host among trailers is dropped", chunks(b"0\r\nX: y\r\n\r\n"), (200,), check=_body(b"")),
    Case("a trailer that is none", _broken(b"1\r\na\r\n0\r\nX Y: 1\r\n\r\n"), (400,)),
    Case("a folded trailer", _broken(b"1\r\na\r\n0\r\nX: 1\r\n 2\r\n\r\n"), (400,)),
    Case("300 trailers", _broken(b"0\r\n" + b"X: 1\r\n" * 300 + b"\r\n"), (431,)),
    Case("a trailer of 70,000 bytes", _broken(b"0\r\nX: " + b"1" * 70_000 + b"\r\n\r\n"), (431,)),
    Case("LF behind the last chunk", _broken(b"1\r\na\r\n0\n\n"), (400,)),
)  # fmt: skip


@each(LENGTHS)
def test_lengths(proxy: Serving, first: Provider, case: Case, face: Face) -> None:
    run(case, face, proxy, first)


@each(CODINGS)
def test_codings(proxy: Serving, first: Provider, case: Case, face: Face) -> None:
    run(case, face, proxy, first)


@each(CHUNKS)
def test_chunks(proxy: Serving, first: Provider, case: Case, face: Face) -> None:
    run(case, face, proxy, first)
