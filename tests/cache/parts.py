"""A target with a script, and an app that takes answers."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import orjson
from multidict import CIMultiDict

from proxy.cache.layer import Cached
from proxy.cache.memory import MemoryStore
from proxy.core.call import Call
from proxy.core.event import CacheLooked
from proxy.core.failure import Failure
from proxy.core.reply import End, Reply, Source
from proxy.dialects.recognise import dialect_named
from tests.calls import a_call
from tests.clock import FalseClock

START_S = 1_790_000_000.0
ASKED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
JSON = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream"}


class Pieces:
    """A body that comes in the given chunks, and then ends or fails."""

    def __init__(self, *chunks: bytes, cut: Failure | None = None) -> None:
        self.chunks = chunks
        self.cut = cut
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.cut is not None:
            raise self.cut

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Script:
    """A handler that plays one act a call, and the last one again for ever."""

    acts: list[Reply | Failure | Callable[[Call], Reply]]
    calls: list[Call] = field(default_factory=list)

    async def handle(self, call: Call) -> Reply:
        act = self.acts[min(len(self.calls), len(self.acts) - 1)]
        self.calls.append(call)
        if isinstance(act, Failure):
            raise act
        return act if isinstance(act, Reply) else act(call)


def chat_answer(text: str = "Rayleigh", finish: str = "stop", **message: object) -> bytes:
    said = {"role": "assistant", "content": text, **message}
    return orjson.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "gpt-4o",
            "choices": [{"index": 0, "message": said, "finish_reason": finish}],
        }
    )


def chat_stream(*words: str, finish: str | None = "stop", done: bool = True) -> list[bytes]:
    deltas = [({"content": word}, None) for word in words] + [({}, finish)]
    events = [
        b"data: %b\n\n"
        % orjson.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": end}]})
        for delta, end in deltas
    ]
    return [*events, b"data: [DONE]\n\n"] if done else events


def answering(
    *chunks: bytes,
    headers: dict[str, str] | None = None,
    status: int = 200,
    source: Source = Source.UPSTREAM,
    target: str = "openai",
    cut: Failure | None = None,
) -> Callable[[Call], Reply]:
    """An act: the same answer each time, with a body of its own."""
    fields = JSON if headers is None else headers
    return lambda call: Reply(
        status, CIMultiDict(fields), Pieces(*chunks, cut=cut), source=source, target=target
    )


def call_for(
    clock: FalseClock,
    asked: dict[str, object] | None = None,
    headers: dict[str, str] | None = None,
    **changes: object,
) -> Call:
    call = a_call(
        clock,
        headers=CIMultiDict({"Authorization": "Bearer sk-one", **(headers or {})}),
        body=orjson.dumps(ASKED if asked is None else asked),
    )
    return call.but(**changes)


async def drink(reply: Reply, until: int | None = None) -> tuple[bytes, End]:
    """Take an answer as the relay does: taps see each chunk, the endings hear how it went."""
    taken, end = [], End.COMPLETE
    try:
        async for chunk in reply.body:
            if until is not None and len(taken) == until:
                end = End.ABANDONED
                break
            for tap in reply.taps:
                tap(chunk)
            taken.append(chunk)
    except Failure:
        end = End.BROKEN
    await reply.close(end)
    return b"".join(taken), end


class Scene:
    """A cached target, and calls to it."""

    def __init__(self, *acts: Reply | Failure | Callable[[Call], Reply], **settings: object):
        self.clock = FalseClock(wall=START_S)
        self.script = Script(list(acts))
        self.store = settings.pop("store", None) or MemoryStore(self.clock)
        chosen = {"ttl_s": 600.0, "stale_if_error_s": 3600.0, "plan": "chat", **settings}
        self.layer = Cached(
            inner=self.script,
            store=self.store,
            dialect=dialect_named("openai"),
            clock=self.clock,
            **chosen,
        )
        self.looked: list[str] = []

    def call(self, asked: dict[str, object] | None = None, **changes: object) -> Call:
        return call_for(self.clock, asked, **changes)

    async def ask(self, call: Call | None = None, until: int | None = None) -> tuple[Reply, bytes]:
        """The reply and the bytes the app got of it; `looked` has what the cache told."""
        call = self.call() if call is None else call
        try:
            reply = await self.layer.handle(call)
            body, _ = await drink(reply, until)
        finally:
            told = [entry.event for entry in call.journal.entries]
            self.looked = [event.outcome.value for event in told if type(event) is CacheLooked]
        return reply, body

    @property
    def provider_calls(self) -> int:
        return len(self.script.calls)
