"""Asks an upstream something cheap, to see how it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from multidict import CIMultiDict

from proxy.core.call import Call, Face
from proxy.core.clock import Clock, TimeLimit
from proxy.core.event import Event
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.journal import Journal
from proxy.core.reply import End, Reply
from proxy.dialects.dialect import Dialect
from proxy.dialects.recognise import dialect_named
from proxy.policy.snapshot import Upstream
from proxy.upstream.origin import Origin

MakeSend = Callable[[Upstream, Mapping[str, Origin], Dialect], Handler]

PROBE_S = 10.0
"""An answer that takes longer is none: what is asked takes any provider well under a second."""

READ_BYTES = 2**20
"""Of the answer: enough for any list of models, and for what an error page has to say."""

_TELLING = frozenset((FailureKind.RATE_LIMIT, FailureKind.LIMIT))


@dataclass(frozen=True, slots=True)
class Probe:
    """A GET of `health.probe_path`, or else of the dialect's list of models, with the upstream's
    own key: the app's credentials are not there.

    It is well when it answers: also that the path is not there, or, where no key is ours to send,
    that one is wanted. What it says of a refused key, and that it is asked too much, is passed on.
    """

    send: MakeSend
    clock: Clock

    async def __call__(self, upstream: Upstream) -> Failure | None:
        dialect = dialect_named(upstream.dialect)
        origin = Origin.of(upstream.url)
        call = self._call(upstream, dialect, origin)
        handler = self.send(upstream, {upstream.name: origin}, dialect)
        limit_s = min(PROBE_S, upstream.timeout.total)
        try:
            async with TimeLimit(self.clock, limit_s):
                failure = await self._ask(handler, call, dialect)
        except TimeoutError:
            text = f"no answer to a probe within {limit_s:g} s"
            failure = Failure(FailureKind.TIMEOUT_TOTAL, text)
        if failure is None or _is_well(failure, upstream):
            return None
        failure.target = upstream.name
        return failure

    def _call(self, upstream: Upstream, dialect: Dialect, origin: Origin) -> Call:
        path = origin.prefix + (upstream.health.probe_path or dialect.models_path)
        key = upstream.api_key
        signed = () if key is None else dialect.sign(key.reveal())
        return Call(
            id="probe",
            method="GET",
            upstream=upstream.name,
            path=path or "/",
            headers=CIMultiDict((*signed, ("Accept", "*/*"))),
            body=b"",
            face=Face.BASE_URL,
            dialect=dialect.name,
            operation=dialect.recognise("GET", path),
            model=None,
            stream=False,
            journal=Journal("probe", self.clock, _nobody),
        )

    async def _ask(self, handler: Handler, call: Call, dialect: Dialect) -> Failure | None:
        try:
            reply = await handler.handle(call)
            try:
                body = await _read(reply)
            finally:
                await reply.close(End.COMPLETE)
        except Failure as failure:
            return failure
        wall_s = self.clock.wall()
        judged = dialect.judge(call.operation, reply.status, reply.headers, body, wall_s)
        return judged if isinstance(judged, Failure) else None


async def _read(reply: Reply) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in reply.body:
        chunks.append(chunk)
        size += len(chunk)
        if size > READ_BYTES:
            break
    return b"".join(chunks)


def _is_well(failure: Failure, upstream: Upstream) -> bool:
    """Whether it has answered and is well, though not with what was asked for."""
    if failure.status is None or failure.kind in _TELLING:
        return False
    if failure.kind is FailureKind.AUTH:
        return upstream.api_key is None
    return not failure.traits.blame


def _nobody(event: Event, journal: Journal | None) -> None:
    """Hears of a probe: it is no call of the app."""
