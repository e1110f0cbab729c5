"""Raw requests, and what has to come of them by every way in.

A case is bytes, in which `{t}` stands for what is before the path of a target by one way in, and
`{h}` for a value of `Host` that is right there:

    by base URL         GET /openai/v1/x HTTP/1.1               Host: 127.0.0.1
    by HTTP_PROXY       GET http://provider.test/v1/x HTTP/1.1  Host: provider.test
    within a tunnel     GET /v1/x HTTP/1.1                      Host: provider.test

What is expected: the status of each answer, in order; how many requests the provider saw, in all;
and whether the connection is at its end. Where it is not, another request is sent on it and has to
be answered: whoever lost a byte, or took one too many, would get that one wrong.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from proxy.drill.faults.good import GOOD
from proxy.drill.server.turn import Fault, Request
from tests.outside.policies import HOST
from tests.outside.process import Serving
from tests.outside.tunnel import TlsWire, connect
from tests.outside.wire import Response, Wire
from tests.provider import Provider

PROBE = b"GET {t}/probe HTTP/1.1\r\nHost: {h}\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Face:
    """A way in: `target` and `host` are what the placeholders stand for there."""

    name: str
    target: bytes
    host: bytes

    def fill(self, raw: bytes) -> bytes:
        return raw.replace(b"{t}", self.target).replace(b"{h}", self.host)

    @contextmanager
    def open(self, proxy: Serving) -> Iterator[Wire]:
        if self.name == "tls":
            ca = proxy.state / "ca" / "ca.pem"
            if not ca.exists():  # it is made for the first who needs it
                with Wire(proxy.port) as wire:
                    connect(wire, f"{HOST}:443")
            with TlsWire(proxy.port, f"{HOST}:443", ca) as wire:
                yield wire
            return
        with Wire(proxy.port) as wire:
            if self.name == "tunnel":
                assert connect(wire, f"{HOST}:80").status == 200
            yield wire


BASE_URL = Face("base_url", b"/openai", b"127.0.0.1")
HTTP_PROXY = Face("http_proxy", b"http://" + HOST.encode(), HOST.encode())
TUNNEL = Face("tunnel", b"", HOST.encode())
TLS = Face("tls", b"", HOST.encode())
FACES = (BASE_URL, HTTP_PROXY, TUNNEL, TLS)
INSIDE = (TUNNEL, TLS)

Seen = Callable[[list[Request]], None]


@dataclass(frozen=True)
class Case:
    """`seen` is as many as there are answers of 200, unless told; `open` is whether all of those
    are, unless told. The provider `plays` GOOD, unless told. `check` is shown the provider's
    requests, `reads` the answers."""

    name: str
    raw: bytes
    answers: tuple[int, ...]
    seen: int | None = None
    open: bool | None = None
    check: Seen | None = None
    reads: Callable[[list[Response]], None] | None = None
    methods: tuple[str, ...] = ()
    plays: Fault = GOOD
    faces: tuple[Face, ...] = FACES


def get(*fields: bytes, target: bytes = b"{t}/v1/x", version: bytes = b"HTTP/1.1") -> bytes:
    """A GET with a right Host, and `fields` behind it."""
    return b"\r\n".join((b"GET %b %b" % (target, version), b"Host: {h}", *fields, b"", b""))


def post(*fields: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    lines = (b"POST {t}/v1/x %b" % version, b"Host: {h}", *fields, b"", b"")
    return b"\r\n".join(lines) + body


def chunks(body: bytes, *fields: bytes) -> bytes:
    """A POST whose body is framed by these chunks."""
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


def each(cases: tuple[Case, ...]) -> pytest.MarkDecorator:
    """Every case by every way in that it is for."""
    pairs = [(case, face) for case in cases for face in case.faces]
    names = [f"{face.name}: {case.name}" for case, face in pairs]
    assert len(set(names)) == len(names), "two cases have one name"
    return pytest.mark.parametrize(("case", "face"), pairs, ids=names)


def run(case: Case, face: Face, proxy: Serving, provider: Provider) -> None:
    """Send it, and look at what comes at both ends."""
    provider.plays(case.plays)
    good = case.answers.count(200)
    stays = good == len(case.answers) if case.open is None else case.open
    methods = case.methods or ("GET",) * len(case.answers)
    with face.open(proxy) as wire:
        wire.send(face.fill(case.raw))
        answers = [wire.response(method) for method in methods]
        assert tuple(answer.status for answer in answers) == case.answers, answers
        for answer in answers:
            assert answer.version == "HTTP/1.1"
            assert answer.whole
        if stays:
            wire.send(face.fill(PROBE))
            assert wire.response().status == 200, "what followed was not understood"
        assert wire.rest() == b"", "more came than was asked for"
    targets = [seen.target for seen in provider.requests]
    expected = good if case.seen is None else case.seen
    assert len(targets) == expected + stays, targets
    assert not stays or targets[-1] == "/probe"
    if case.check is not None:
        case.check(provider.requests)
    if case.reads is not None:
        case.reads(answers)
