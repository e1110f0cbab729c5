"""Header fields, and what they ask of an intermediary: RFC 9110 5, 7.6, 8 to 10 and 13 to 15."""

import re
from collections.abc import Iterator

import pytest

from proxy.drill.faults.canned import Canned
from proxy.drill.server.turn import Request
from tests.outside.conformance import (
    BASE_URL,
    FACES,
    HTTP_PROXY,
    INSIDE,
    Case,
    Face,
    Seen,
    chunks,
    each,
    get,
    post,
    run,
)
from tests.outside.policies import Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.wire import Response
from tests.provider import Provider

OWN = re.compile(r"1\.[01] understudy \([0-9a-f]{8}\)")
SMUGGLED = b"GET {t}/smuggled HTTP/1.1\r\nHost: {h}\r\n\r\n"
HEAD = b"HEAD {t}/v1/x HTTP/1.1\r\nHost: {h}\r\n\r\n"
UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
OUTSIDE = (BASE_URL, HTTP_PROXY)
EMPTY = Canned((b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n",))
CONNECT = b"CONNECT {h}:8443 HTTP/1.1\r\nHost: {h}:8443\r\n"
"""To a port that no tunnel leads to."""


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("fields"), one(providers))) as running:
        yield running


def _got(*fields: tuple[str, str]) -> Seen:
    """The provider's first request has these fields, in this order and spelling, between its Host
    and our Via, and maybe its length."""

    def check(requests: list[Request]) -> None:
        name, *between, (via, ours) = requests[0].fields
        if via == "Content-Length":
            assert ours == str(len(requests[0].body))
            via, ours = between.pop()
        assert name[0] == "Host"
        assert tuple(between) == fields
        assert via == "Via"
        assert OWN.fullmatch(ours)

    return check


def _options(target: bytes, *fields: bytes, method: bytes = b"OPTIONS") -> bytes:
    return b"\r\n".join((b"%b %b HTTP/1.1" % (method, target), b"Host: {h}", *fields, b"", b""))


def _traced(answers: list[Response]) -> None:
    (answer,) = answers
    assert answer.value("Content-Type") == "message/http"
    assert b"Max-Forwards: 0" in answer.body
    assert b"secret" not in answer.body


def _no_100(answers: list[Response]) -> None:
    """`run` reads answers one by one, and would have failed at what came before or behind them;
    that 1xx were passed over is what is ruled out here."""
    assert len(answers) == 1


SPELLING = (
    Case("order, case and repetition", get(b"X-B: 1", b"x-a: 2", b"X-B: 3", b"X-c:4"), (200,), check=_got(("X-B", "1"), ("x-a", "2"), ("X-B", "3"), ("X-c", "4"))),
    Case("an empty value", get(b"X-A:", b"X-B: \t"), (200,), check=_got(("X-A", ""), ("X-B", ""))),
    Case("blanks around a value", get(b"X-A: \t a b \t "), (200,), check=_got(("X-A", "a b"))),
    Case("bytes above ASCII in a value", get(b"X-A: caf\xe9 \xc3\xa9"), (200,), check=_got(("X-A", "caf\xe9 \xc3\xa9"))),
    Case("an underscore in a name", get(b"x_a: 1"), (200,), check=_got(("x_a", "1"))),
    Case("all that a name may have", get(b"!#$%&'*+-.^_`|~9: 1"), (200,), check=_got(("!#$%&'*+-.^_`|~9", "1"))),
    Case("a folded value", get(b"X-A: 1\r\n 2"), (400,)),
    Case("a value folded by a tab", get(b"X-A: 1\r\n\t2"), (400,)),
    Case("a fold before all fields", b"GET {t}/v1/x HTTP/1.1\r\n Host: {h}\r\nHost: {h}\r\n\r\n", (400,)),
    Case("a blank before the colon", get(b"X-A : 1"), (400,)),
    Case("a tab before the colon", get(b"X-A\t: 1"), (400,)),
    Case("a blank before the colon of Host", b"GET {t}/v1/x HTTP/1.1\r\nHost : {h}\r\n\r\n", (400,)),
    Case("a blank within a name", get(b"X A: 1"), (400,)),
    Case("no name", get(b": 1"), (400,)),
    Case("no colon", get(b"X-A"), (400,)),
    Case("a name in brackets", get(b"X(A): 1"), (400,)),
    Case("a name with bytes above ASCII", get(b"X-\xe9: 1"), (400,)),
    Case("a name with a NUL", get(b"X-\0: 1"), (400,)),
    Case("CR within a value", get(b"X-A: 1\r2"), (400,)),
    Case("LF behind a value", get(b"X-A: 1\nX-B: 2"), (400,)),
    Case("NUL within a value", get(b"X-A: 1\x002"), (400,)),
    Case("a control character within a value", get(b"X-A: 1\x012"), (400,)),
    Case("255 fields beside Host", get(*(b"X-%d: 1" % at for at in range(255))), (200,)),
    Case("256 fields beside Host", get(*(b"X-%d: 1" % at for at in range(256))), (431,)),
    Case("10,000 fields", get(*(b"X-%d: 1" % at for at in range(10_000))), (431,)),
    Case("a field of 65,000 bytes", get(b"X-A: " + b"a" * 65_000), (200,)),
    Case("a field of 66,000 bytes", get(b"X-A: " + b"a" * 66_000), (431,)),
    Case("a name of 66,000 bytes", get(b"a" * 66_000 + b": 1"), (431,)),
    Case("fields of 300,000 bytes in all", get(*(b"X-%d: %b" % (at, b"a" * 60_000) for at in range(5))), (431,)),
)  # fmt: skip

HOPS = (
    Case("what Connection names", get(b"Connection: X-Hop, keep-alive", b"X-Hop: 1", b"x-hop: 2", b"X-A: 1"), (200,), check=_got(("X-A", "1"))),
    Case("Connection in two fields", get(b"Connection: X-Hop", b"connection: X-Hip", b"X-Hop: 1", b"X-Hip: 1"), (200,), check=_got()),
    Case("Connection with empty parts", get(b"Connection: , ,X-Hop,,", b"X-Hop: 1", b"X-A: 1"), (200,), check=_got(("X-A", "1"))),
    Case("Connection names Host", get(b"Connection: Host"), (200,), check=_got()),
    Case("Connection names Content-Length", post(b"Connection: Content-Length", b"Content-Length: 5", body=b"hello"), (200,), check=_got()),
    Case("Connection names Transfer-Encoding", chunks(b"1\r\na\r\n0\r\n\r\n", b"Connection: Transfer-Encoding"), (200,), check=_got()),
    Case("Connection names Via", get(b"Connection: Via", b"Via: 1.1 gate"), (200,), check=_got()),
    Case("Connection names Via of a loop", get(b"Connection: Via", b"Via: 1.1 understudy"), (508,)),
    Case("Connection: close", get(b"Connection: close", b"X-A: 1"), (200,), open=False, check=_got(("X-A", "1"))),
    Case("Connection: CLOSE among others", get(b"Connection: x, CLOSE"), (200,), open=False, check=_got()),
    Case("nothing behind Connection: close", get(b"Connection: close") + SMUGGLED, (400,)),
    Case("fields between neighbours", get(b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"TE: trailers", b"Trailer: X", b"X-A: 1"), (200,), check=_got(("X-A", "1"))),
    Case("credentials for us", get(b"Proxy-Authorization: Basic dTpw", b"Authorization: Bearer x"), (200,), check=_got(("Authorization", "Bearer x"))),
    Case("a TE that is empty", get(b"TE:"), (200,), check=_got()),
    Case("an earlier Via", get(b"Via: 1.0 gate, HTTP/1.1 wall:80 (a, \\) b)", b"Via: 2 fence"), (200,)),
    Case("a Via of another Understudy", get(b"Via: 1.1 understudy (00000000)"), (200,)),
    Case("a Via of eight others", get(*(b"Via: 1.1 understudy (%08x)" % at for at in range(8))), (200,)),
    Case("a Via of nine others", get(*(b"Via: 1.1 understudy (%08x)" % at for at in range(9))), (508,)),
    Case("a Via of one without a name", get(b"Via: 1.1 gate, 1.1 understudy"), (508,)),
    Case("understudy in a comment of Via", get(b"Via: 1.1 gate (1.1 understudy, 1.1 understudy)"), (200,)),
    Case("understudy as a part of a name", get(b"Via: 1.1 not-understudy, 1.1 understudy.test"), (200,)),
    Case("HTTP/1.0 is not kept", get(version=b"HTTP/1.0"), (200,), open=False),
    Case("HTTP/1.0 is kept where it asks for it", get(b"Connection: keep-alive", version=b"HTTP/1.0"), (200,)),
)  # fmt: skip

DUTIES = (
    Case("OPTIONS of a path", _options(b"{t}/v1/x"), (200,)),
    Case("OPTIONS of us", _options(b"*"), (204,), seen=0, open=True, faces=OUTSIDE),
    Case("OPTIONS of the provider", _options(b"*"), (200,), check=lambda seen: _target(seen, "*"), faces=INSIDE),
    Case("OPTIONS of a proxied server", _options(b"{t}"), (200,), check=lambda seen: _target(seen, "*"), faces=(HTTP_PROXY,)),
    Case("OPTIONS of a proxied server's root", _options(b"{t}/"), (200,), check=lambda seen: _target(seen, "/"), faces=(HTTP_PROXY,)),
    Case("OPTIONS of us with a bad Host", b"OPTIONS * HTTP/1.1\r\nHost: a/b\r\n\r\n", (400,), faces=OUTSIDE),
    Case("OPTIONS that goes no further", _options(b"{t}/v1/x", b"Max-Forwards: 0"), (204,), seen=0, open=True),
    Case("OPTIONS that goes one further", _options(b"{t}/v1/x", b"Max-Forwards: 1"), (200,), check=_got(("Max-Forwards", "0"))),
    Case("TRACE that goes no further", _options(b"{t}/v1/x", b"Max-Forwards: 0", b"Authorization: secret", b"Cookie: secret", b"X-Key: secret", method=b"TRACE"), (200,), seen=0, open=True, reads=_traced),
    Case("TRACE that goes ten further", _options(b"{t}/v1/x", b"Max-Forwards: 10", method=b"TRACE"), (200,), check=_got(("Max-Forwards", "9"))),
    Case("Max-Forwards below 0", _options(b"{t}/v1/x", b"Max-Forwards: -1"), (400,)),
    Case("Max-Forwards that is no number", _options(b"{t}/v1/x", b"Max-Forwards: many"), (400,)),
    Case("Max-Forwards of 5,000 digits", _options(b"{t}/v1/x", b"Max-Forwards: " + b"9" * 5000), (400,)),
    Case("two Max-Forwards", _options(b"{t}/v1/x", b"Max-Forwards: 0", b"Max-Forwards: 1"), (400,)),
    Case("Max-Forwards of a GET is not ours", get(b"Max-Forwards: 0"), (200,), check=_got(("Max-Forwards", "0"))),
    Case("a body that is there needs no 100", post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"), (200,), check=_got(("Content-Length", "5"))),
    Case("100-CONTINUE", post(b"Expect: 100-CONTINUE", b"Content-Length: 5", body=b"hello"), (200,)),
    Case("100-continue for no body", get(b"Expect: 100-continue"), (200,), check=_got()),
    Case("100-continue in HTTP/1.0", post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello", version=b"HTTP/1.0"), (200,), open=False, reads=_no_100),
    Case("an empty expectation", post(b"Expect:", b"Content-Length: 5", body=b"hello"), (200,)),
    Case("an expectation nobody knows", post(b"Expect: a-miracle", b"Content-Length: 5"), (417,)),
    Case("two expectations", post(b"Expect: 100-continue, a-miracle", b"Content-Length: 5"), (417,)),
    Case("an unknown upstream is told before a body", b"POST /nobody HTTP/1.1\r\nHost: {h}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", (404,), reads=_no_100, faces=(BASE_URL,)),
    Case("ranges and conditions are the provider's", get(b"Range: bytes=0-1, 9-", b"If-Range: \"x\"", b"If-None-Match: *", b"If-Modified-Since: never"), (200,), check=_got(("Range", "bytes=0-1, 9-"), ("If-Range", '"x"'), ("If-None-Match", "*"), ("If-Modified-Since", "never"))),
    Case("h2c is passed over", get(*UPGRADE), (200,), open=False, check=_got()),
    Case("nothing behind h2c", get(*UPGRADE) + SMUGGLED, (200,), open=False),
    Case("nothing behind h2c with a body", post(*UPGRADE, b"Content-Length: 5", body=b"hello" + SMUGGLED), (200,), open=False),
    Case("an Upgrade that Connection does not name", get(b"Upgrade: h2c"), (200,), check=_got()),
    Case("nothing behind a refused CONNECT", CONNECT + b"\r\n" + SMUGGLED, (403,), faces=OUTSIDE),
    Case("nothing in a refused CONNECT's body", CONNECT + b"Content-Length: 60\r\n\r\n" + SMUGGLED, (403,), faces=OUTSIDE),
    Case("nothing in a refused CONNECT's chunks", CONNECT + b"Transfer-Encoding: chunked\r\n\r\n" + SMUGGLED, (403,), faces=OUTSIDE),
    Case("CONNECT without a port", b"CONNECT {h} HTTP/1.1\r\nHost: {h}\r\n\r\n" + SMUGGLED, (400,), faces=OUTSIDE),
    Case("CONNECT with an empty port", b"CONNECT {h}: HTTP/1.1\r\nHost: {h}\r\n\r\n" + SMUGGLED, (400,), faces=OUTSIDE),
    Case("CONNECT to port 0", b"CONNECT {h}:0 HTTP/1.1\r\nHost: {h}\r\n\r\n" + SMUGGLED, (400,), faces=OUTSIDE),
    Case("CONNECT to a URL", b"CONNECT http://{h}/ HTTP/1.1\r\nHost: {h}\r\n\r\n" + SMUGGLED, (400,), faces=OUTSIDE),
    Case("CONNECT with a bad Host", b"CONNECT {h}:443 HTTP/1.1\r\nHost: a/b\r\n\r\n" + SMUGGLED, (400,), faces=OUTSIDE),
    Case("CONNECT that goes round", b"CONNECT {h}:443 HTTP/1.1\r\nHost: {h}\r\nVia: 1.1 understudy\r\n\r\n" + SMUGGLED, (508,), faces=OUTSIDE),
)  # fmt: skip

LINES = (
    Case("HEAD has no body", HEAD, (200,), methods=("HEAD",), plays=EMPTY),
    Case("two HEADs", HEAD * 2, (200, 200), methods=("HEAD", "HEAD"), plays=EMPTY),
    Case("a refused HEAD", b"HEAD /nobody HTTP/1.1\r\nHost: {h}\r\n\r\n", (404,), methods=("HEAD",), faces=(BASE_URL,)),
    Case("three at once", get() * 3, (200,) * 3),
    Case("forty at once", get() * 40, (200,) * 40),
    Case("bodies at once", post(b"Content-Length: 5", body=b"hello") * 3, (200,) * 3),
    Case("chunks at once", chunks(b"1\r\na\r\n0\r\n\r\n") * 3, (200,) * 3),
    Case("a faulty one behind a good one", get() + get(b"Host: {h}") + SMUGGLED, (400,)),
    Case("an unreadable coding behind a good one", get() + post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n") + SMUGGLED, (200, 501)),
    Case("a bad Host behind a good one", get() + b"GET {t}/v1/x HTTP/1.1\r\nHost: a/b\r\n\r\n" + SMUGGLED, (200, 400)),
    Case("a later version behind a good one", get() + get(version=b"HTTP/2.0"), (200, 505)),
    Case("a loop behind a good one", get() + get(b"Via: 1.1 understudy") + SMUGGLED, (200, 508)),
)  # fmt: skip


def _target(requests: list[Request], target: str) -> None:
    assert requests[0].target == target


@each(SPELLING)
def test_fields_are_kept_as_they_came_or_refused(
    proxy: Serving, first: Provider, case: Case, face: Face
) -> None:
    run(case, face, proxy, first)


@each(HOPS)
def test_fields_between_neighbours(proxy: Serving, first: Provider, case: Case, face: Face) -> None:
    run(case, face, proxy, first)


@each(DUTIES)
def test_what_a_request_asks_of_who_passes_it_on(
    proxy: Serving, first: Provider, case: Case, face: Face
) -> None:
    run(case, face, proxy, first)


@each(LINES)
def test_requests_in_a_row(proxy: Serving, first: Provider, case: Case, face: Face) -> None:
    run(case, face, proxy, first)


@pytest.mark.parametrize("face", FACES, ids=[face.name for face in FACES])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["204", "304", "205", "206", "416", "412", "302", "103 and 200"],
)  # fmt: skip
def test_an_answer_ends_where_it_ends(
    proxy: Serving, first: Provider, face: Face, answer: bytes
) -> None:
    """With a body or without: the next request on the connection is understood."""
    first.plays(Canned((answer,)))
    status = int(answer[9:12]) if answer[9:12] != b"103" else 200
    with face.open(proxy) as wire:
        for _ in range(2):
            wire.send(face.fill(get()))
            assert wire.response().status == status
    assert [seen.target for seen in first.requests] == ["/v1/x"] * 2


@pytest.mark.parametrize("face", FACES, ids=[face.name for face in FACES])
def test_a_body_is_asked_for_only_when_it_is_read(
    proxy: Serving, first: Provider, face: Face
) -> None:
    with face.open(proxy) as wire:
        wire.send(face.fill(post(b"Expect: 100-continue", b"Content-Length: 5")))
        assert wire.head()[1] == 100
        wire.send(b"hello")
        assert wire.response("POST").status == 200
    assert [seen.body for seen in first.requests] == [b"hello"]
    assert not first.requests[0].values("Expect")
