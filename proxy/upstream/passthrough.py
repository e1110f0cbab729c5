"""Passthrough: requests to hosts of no upstream, sent on as they are.

It reads nothing, repeats nothing and follows no redirection: where an answer leads is for the app
to ask, which is looked at again then. Strangers have no policy, so their limits are named here.
"""

from asyncio import CancelledError
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from proxy.core.attempt import Attempt
from proxy.core.call import Call
from proxy.core.clock import Clock, Dice, TimeLimit
from proxy.core.event import PASSTHROUGH
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.reply import Body, Reply
from proxy.core.silence import Silence
from proxy.policy.passage import Passage
from proxy.upstream.address import Forbidden, Rule
from proxy.upstream.errors import forbidden
from proxy.upstream.exchange import ask
from proxy.upstream.fields import to_own
from proxy.upstream.origin import Origin
from proxy.upstream.pool import Pool
from proxy.upstream.via import Signature

CONNECT_S = 10.0

SILENCE_S = 600.0
"""A stranger may be silent for so long, before its answer and within it: as long as SDKs wait for
one. Who holds a request open for longer pings in between."""

_SWITCHED = 101


@dataclass(frozen=True, slots=True)
class Passthrough:
    """Sends a call to the host that it names. `Call.upstream` is that host's authority.

    Raises Failure(bad_request, status 403) for an address that `rule` forbids, and
    Failure(timeout.connect | timeout.idle | network | malformed | limit).
    """

    rule: Rule
    pool: Pool = field(repr=False)
    clock: Clock = field(repr=False)
    dice: Dice = field(repr=False)
    via: Signature = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        origin = self._origin(call)
        span_id = self.dice.bits(64) if call.trace is not None else 0
        attempt = Attempt(call.journal, self.clock, PASSTHROUGH, None, span_id)
        try:
            reply = await self._ask(call, origin)
        except Failure as failure:
            attempt.failed(failure)
            raise
        except CancelledError:
            attempt.cancelled()
            raise
        attempt.answered(reply.status)
        if reply.status != _SWITCHED:  # else it is a connection from here on
            reply.body = _NotSilent(reply.body, self.clock, call.upstream)
        return reply

    def _origin(self, call: Call) -> Origin:
        try:
            origin = Origin.of(f"http://{call.upstream}")
            self.rule.host(origin.host)
        except Forbidden as error:
            raise forbidden(error, call.upstream) from error
        except ValueError as error:  # urlsplit's word for brackets with no address in them
            raise forbidden(Forbidden("that is no host"), call.upstream) from error
        return origin

    async def _ask(self, call: Call, origin: Origin) -> Reply:
        door = self.pool.door(origin, call.upstream, CONNECT_S)
        fields = to_own(call, origin.authority, self.via)
        try:
            async with Silence(self.clock, SILENCE_S) as silence:
                if call.rest is not None:  # an upload may take longer, as long as it moves
                    call = call.but(rest=_Watched(call.rest, silence))
                return await ask(self.pool, door, call, call.path, fields)
        except TimeoutError:
            raise _silent("it gave no answer", call.upstream) from None


@dataclass(frozen=True, slots=True)
class Listed:
    """Hosts that the policy lists may be private ones; strangers' may not."""

    listed: Handler
    strangers: Handler
    passage: Passage = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        origin = Origin.of(f"http://{call.upstream}")
        exempt = self.passage.exempts(origin.host, origin.port)
        handler = self.listed if exempt else self.strangers
        return await handler.handle(call)


def _silent(what: str, target: str) -> Failure:
    text = f"{what}, and was silent for {SILENCE_S:g} s"
    return Failure(FailureKind.TIMEOUT_IDLE, text, target=target)


class _Watched:
    """What is still to come of a request's body: each piece breaks the silence."""

    __slots__ = ("_rest", "_silence")

    def __init__(self, rest: AsyncIterator[bytes], silence: Silence) -> None:
        self._rest = rest
        self._silence = silence

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._rest.__anext__()
        self._silence.broken()
        return piece


class _NotSilent:
    """The body of an answer, as it comes. Raises Failure(timeout.idle) when it stops coming."""

    __slots__ = ("_body", "_clock", "_pieces", "_target")

    def __init__(self, body: Body, clock: Clock, target: str) -> None:
        self._body = body
        self._pieces = body.__aiter__()
        self._clock = clock
        self._target = target

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            async with TimeLimit(self._clock, SILENCE_S):
                return await self._pieces.__anext__()
        except TimeoutError:
            raise _silent("it broke off its answer", self._target) from None

    async def aclose(self) -> None:
        await self._body.aclose()
