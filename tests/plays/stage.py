"""The language of plays: a whole call as a written conversation.

    play = Play(policy='''...''', openai=[Answer(429), Answer(200, CHAT)], azure=[Stream(ROLE, HI)])
    seen = await play.chat()
    assert seen.status == 200 and seen.asked == ["openai", "openai"]

A script per target says what it does at each attempt, in order. The tree between is the real one,
compiled from the policy; only what would leave the process is scripted, and the clock is false.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from multidict import CIMultiDict

from proxy.cache.memory import MemoryStore
from proxy.core.call import Call, Face
from proxy.core.clock import Dice
from proxy.core.event import Event, StreamBroke
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.journal import Journal
from proxy.core.reply import End, Reply, Source
from proxy.engine.compile import compile_program
from proxy.engine.marks import mark
from proxy.engine.parts import Parts
from proxy.engine.serve import serve
from proxy.policy.document import Source as PolicySource
from proxy.policy.load import load
from proxy.resilience.choice.load import Loads
from proxy.resilience.standing.state import Standings
from tests.clock import FalseClock, LoadedDice, settle


def sse(*events: Any) -> tuple[bytes, ...]:
    """One chunk for each event; bytes as they are."""
    return tuple(
        event if isinstance(event, bytes) else b"data: " + orjson.dumps(event) + b"\n\n"
        for event in events
    )


def delta(**fields: Any) -> dict[str, Any]:
    """A chunk of a chat stream."""
    finish = fields.pop("finish", None)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "gpt-4o",
        "choices": [{"index": 0, "delta": fields, "finish_reason": finish}],
    }


def said(text: str, model: str = "gpt-4o") -> dict[str, Any]:
    """A plain chat answer."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def error(message: str, type_: str = "server_error", code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "code": code, "param": None}}


ROLE = delta(role="assistant", content="")
HELLO = delta(content="Hello")
WORLD = delta(content=" world")
STOP = delta(finish="stop")
DONE = b"data: [DONE]\n\n"
WHOLE_STREAM = sse(ROLE, HELLO, WORLD, STOP, DONE)


@dataclass(frozen=True)
class Answer:
    """A plain answer, after `wait_s`."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


@dataclass(frozen=True)
class Stream:
    """A streamed answer: chunks, numbers between them being seconds of silence, and how it ends:
    `clean`, `cut` (the connection breaks), `stall` (nothing more comes)."""

    chunks: Sequence[bytes | float] = WHOLE_STREAM
    end: str = "clean"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refuse:
    """No answer at all."""

    kind: FailureKind = FailureKind.NETWORK
    sent: bool = True


@dataclass(frozen=True)
class Silence:
    """The request is taken, and nothing ever comes."""


@dataclass(frozen=True)
class Flaw:
    """Not the provider's doing: our own code breaks."""

    error: Exception


Act = Answer | Stream | Refuse | Silence | Flaw

GOOD = Answer(200, said("Hi"))
DOWN = Answer(503, error("down"))


class _Body:
    def __init__(self, act: Stream | Answer, clock: FalseClock, target: str) -> None:
        self._steps = self._play(act, clock, target)
        self.closed = False

    async def _play(
        self, act: Stream | Answer, clock: FalseClock, target: str
    ) -> AsyncGenerator[bytes, None]:
        if isinstance(act, Answer):
            yield act.body if isinstance(act.body, bytes) else orjson.dumps(act.body)
            return
        for chunk in act.chunks:
            if isinstance(chunk, bytes):
                yield chunk
            else:
                await clock.sleep(chunk)
        if act.end == "cut":
            raise Failure(FailureKind.BROKEN_STREAM, "its answer was cut", target=target)
        if act.end == "stall":
            await asyncio.get_running_loop().create_future()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._steps

    async def aclose(self) -> None:
        self.closed = True
        await self._steps.aclose()


@dataclass
class Scripted:
    """Stands where Send would: plays the next act of a target's script at each attempt."""

    name: str
    acts: list[Act]
    clock: FalseClock
    asked: list[str]
    calls: list[Call]
    bodies: list[_Body]

    async def handle(self, call: Call) -> Reply:
        self.asked.append(self.name)
        self.calls.append(call)
        assert self.acts, f"{self.name} was asked once more than its script says"
        act = self.acts.pop(0)
        match act:
            case Refuse(kind=kind, sent=sent):
                raise Failure(kind, "scripted", target=self.name, sent=sent)
            case Flaw(error=flaw):
                raise flaw
            case Silence():
                await asyncio.get_running_loop().create_future()
                raise AssertionError("nobody ends this wait")
            case Answer(status=status, wait_s=wait_s):
                await self.clock.sleep(wait_s)
                kind = "application/json"
            case Stream():
                status, kind = 200, "text/event-stream"
        body = _Body(act, self.clock, self.name)
        self.bodies.append(body)
        headers = CIMultiDict({"Content-Type": kind, **act.headers})
        return Reply(status, headers, body, source=Source.UPSTREAM, target=self.name)


@dataclass
class Seen:
    """What the app got, and what the providers saw."""

    status: int
    headers: CIMultiDict[str]
    body: bytes
    end: End
    broke: Failure | None
    events: list[Event]
    asked: list[str]
    calls: list[Call]
    took_s: float

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Play:
    """A policy, a script per target, and a stage to play them on. State lasts between calls."""

    def __init__(
        self,
        policy: str,
        environ: Mapping[str, str] | None = None,
        dice: Dice | None = None,
        **scripts: Sequence[Act],
    ) -> None:
        self.clock = FalseClock()
        self.dice = dice or LoadedDice()
        self.events: list[Event] = []
        self.asked: list[str] = []
        self.calls: list[Call] = []
        self.bodies: list[_Body] = []
        self.scripts = {name: list(acts) for name, acts in scripts.items()}
        self.standings = Standings(self.clock, self._hear)
        self.loads = Loads()
        self.store = MemoryStore(self.clock, limit_bytes=2**20)
        self._load(policy, environ or {})

    def reload(self, policy: str, environ: Mapping[str, str] | None = None) -> None:
        """Put another policy in force, as the reloader does."""
        self._load(policy, environ or {})
        self.standings.configure(self.program.snapshot.upstreams.values())

    def _load(self, policy: str, environ: Mapping[str, str]) -> None:
        snapshot = load((PolicySource("play.yaml", policy),), environ)
        parts = Parts(
            clock=self.clock,
            dice=self.dice,
            hear=self._hear,
            standings=self.standings,
            store=self.store,
            send=lambda upstream, origins, dialect: self._scripted(upstream.name),
            local=lambda dialect: self._scripted("local"),
            passthrough=self._scripted("passthrough"),
            loads=self.loads,
        )
        self.program = compile_program(snapshot, parts)

    def _hear(self, event: Event, journal: Journal | None) -> None:
        self.events.append(event)

    def _scripted(self, name: str) -> Handler:
        acts = self.scripts.setdefault(name, [])
        return Scripted(name, acts, self.clock, self.asked, self.calls, self.bodies)

    def call(self, body: Any, path: str = "/v1/chat/completions", **fields: Any) -> Call:
        """A call of the app to upstream `openai`, unless told otherwise."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        upstream = fields.pop("upstream", "openai")
        dialect = self.program.dialects[upstream]
        method = fields.pop("method", "POST")
        operation = dialect.recognise(method, path)
        asked = dialect.read(operation, path, content)
        call_id = f"us-{self.dice.bits(64):016x}"
        headers = CIMultiDict({"Authorization": "Bearer app", **fields.pop("headers", {})})
        return Call(
            id=call_id,
            method=method,
            upstream=upstream,
            path=path,
            headers=headers,
            body=content,
            face=Face.BASE_URL,
            dialect=dialect.name,
            operation=operation,
            model=asked.model,
            stream=asked.stream,
            stateful=asked.stateful,
            journal=Journal(call_id, self.clock, self._hear),
            **fields,
        )

    async def chat(self, *, stream: bool = False, **fields: Any) -> Seen:
        """The app asks gpt-4o something; what it gets."""
        return await self.serve(self.asks(stream=stream, **fields))

    async def embed(self, text: str = "Hi", **fields: Any) -> Seen:
        extra = fields.pop("extra", {})
        body = {"model": "text-embedding-3-small", "input": text, **extra}
        return await self.serve(self.call(body, "/v1/embeddings", **fields))

    async def serve(self, call: Call) -> Seen:
        return await self.clock.run(self._serve(call))

    async def begin(self, call: Call, seconds: float = 0.0) -> "asyncio.Task[Seen]":
        """Let the app ask, and stop the play when `seconds` have passed: the call still runs."""
        task = asyncio.create_task(self._serve(call))
        await settle()
        while (due_at := self.clock.next_due) is not None and due_at <= seconds:
            self.clock.pass_time(due_at)
            seconds -= due_at
            await settle()
        self.clock.pass_time(seconds)
        await settle()
        return task

    def asks(self, *, stream: bool = False, **fields: Any) -> Call:
        """A chat with gpt-4o, for `serve` and `begin`."""
        extra = fields.pop("extra", {})
        messages = [{"role": "user", "content": "Hi"}]
        body = {"model": "gpt-4o", "messages": messages, "stream": stream, **extra}
        return self.call(body, **fields)

    async def _serve(self, call: Call) -> Seen:
        started, events, asked = self.clock.now(), len(self.events), len(self.asked)
        calls = len(self.calls)
        reply = await serve(self.program, call, known=True)
        headers = CIMultiDict(reply.headers.items())
        mark(headers, call, reply)
        chunks: list[bytes] = []
        end, broke = End.ABANDONED, None
        try:
            async for chunk in reply.body:
                for tap in reply.taps:
                    tap(chunk)
                chunks.append(chunk)
            end = End.COMPLETE
        except Failure as failure:
            end, broke = End.BROKEN, failure
            reply.broke = failure
            target = failure.target or reply.target
            call.journal.tell(StreamBroke(target, failure.kind, failure.message))
            if failure.refusal is not None:  # the provider's own event goes out as it came
                chunks.append(failure.refusal.body)
        finally:
            await reply.close(end)
        return Seen(
            status=reply.status,
            headers=headers,
            body=b"".join(chunks),
            end=end,
            broke=broke,
            events=self.events[events:],
            asked=self.asked[asked:],
            calls=self.calls[calls:],
            took_s=self.clock.now() - started,
        )
