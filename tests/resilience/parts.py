"""What the tests of this room stand on: answers, and a handler that does as it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.event import Event
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import Body, Reply, Source, Whole
from proxy.policy.mode import Tier
from proxy.policy.schema import Breaker, Health, Limit, Retry, Timeout
from proxy.policy.snapshot import Upstream
from tests.clock import FalseClock


def an_upstream(**settings: object) -> Upstream:
    """`openai` under the defaults, unless told otherwise."""
    known: dict[str, object] = {
        "name": "openai",
        "dialect": "openai",
        "url": "https://api.openai.com",
        "hosts": ("api.openai.com",),
        "api_key": None,
        "missing_key": "",
        "headers": {},
        "models": {},
        "timeout": Timeout(),
        "retry": Retry(),
        "breaker": Breaker(),
        "limit": Limit(),
        "health": Health(),
        "tier": Tier.CLOUD,
        "prefill": False,
    }
    return Upstream(**{**known, **settings})  # type: ignore[arg-type]


def a_reply(body: bytes | Body = b"{}", status: int = 200, kind: str = "application/json") -> Reply:
    body = Whole(body) if isinstance(body, bytes) else body
    headers = CIMultiDict({"Content-Type": kind})
    return Reply(status, headers, body, source=Source.UPSTREAM, target="openai")


def events_of(call: Call) -> list[Event]:
    return [entry.event for entry in call.journal.entries]


def failed(kind: FailureKind = FailureKind.UNAVAILABLE, **fields: object) -> Failure:
    return Failure(kind, "scripted", target="openai", **fields)  # type: ignore[arg-type]


Act = Reply | BaseException | Callable[[], Reply]


@dataclass
class Told:
    """A handler that answers, or raises, as it was told, once for each act. None: it never ends."""

    acts: Sequence[Act | None]
    calls: list[Call] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    clock: FalseClock | None = None

    async def handle(self, call: Call) -> Reply:
        self.calls.append(call)
        if self.clock is not None:
            self.at.append(self.clock.now())
        act = self.acts[len(self.calls) - 1]
        if act is None:
            await asyncio.get_running_loop().create_future()
        if isinstance(act, BaseException):
            raise act
        assert act is not None
        return act if isinstance(act, Reply) else act()


class Chunks:
    """A body in pieces: bytes, seconds of silence, a failure to end with, or None for a stall."""

    def __init__(self, clock: FalseClock, *steps: bytes | float | Failure | None) -> None:
        self._clock = clock
        self._steps = iter(steps)
        self.closed = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for step in self._steps:
            if isinstance(step, Failure):
                raise step
            if isinstance(step, bytes):
                return step
            if step is None:
                await asyncio.get_running_loop().create_future()
            else:
                await self._clock.sleep(step)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed += 1
