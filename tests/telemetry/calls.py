"""Calls as the rooms would tell of them: plain, saved by a second target, raced, broken, resumed,
and with a canary key."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from multidict import CIMultiDict

from proxy.core.call import Trace
from proxy.core.event import (
    AttemptCancelled,
    AttemptEnded,
    AttemptStarted,
    CallEnded,
    CallEvent,
    CallStarted,
    FellBack,
    Hedged,
    PassedOver,
    Resumed,
    Retrying,
    StreamBroke,
    UsageSeen,
)
from proxy.core.failure import FailureKind
from proxy.core.journal import Hear, Journal
from proxy.core.reply import End, Source
from tests.calls import a_call
from tests.clock import FalseClock

CANARY = "sk-proj-CANARYcanary0123456789CANARY"


@dataclass
class Telling:
    """One call, told of step by step."""

    hear: Hear
    clock: FalseClock = field(default_factory=FalseClock)
    trace: Trace | None = None
    stream: bool = False
    model: str | None = "gpt-4o"
    path: str = "/v1/chat/completions"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.journal = Journal("call-1", self.clock, self.hear)
        self.call = a_call(
            id="call-1",
            path=self.path,
            headers=CIMultiDict(
                {"Authorization": f"Bearer {CANARY}", "x-api-key": CANARY, **self.headers}
            ),
            body=CANARY.encode(),
            model=self.model,
            stream=self.stream,
            journal=self.journal,
            trace=self.trace,
        )
        self.tell(CallStarted(self.call, "chat"))

    def tell(self, event: CallEvent, after_s: float = 0.0) -> None:
        self.clock.pass_time(after_s)
        self.journal.tell(event)

    def fails(self, target: str, kind: FailureKind, status: int | None, message: str) -> None:
        number = self.journal.attempts + 1
        self.tell(AttemptStarted(target, number, "gpt-4o", 0xA0 + number))
        self.tell(AttemptEnded(target, number, 0.25, status, kind, message, 2.0), after_s=0.25)

    def answers(self, target: str, model: str = "gpt-4o") -> None:
        number = self.journal.attempts + 1
        self.tell(AttemptStarted(target, number, model, 0xA0 + number))
        self.tell(AttemptEnded(target, number, 0.5, 200), after_s=0.5)

    def ends(
        self,
        target: str = "openai",
        *,
        source: Source = Source.UPSTREAM,
        status: int = 200,
        end: End = End.COMPLETE,
        fallback: bool = False,
        degraded: str = "",
        kind: FailureKind | None = None,
    ) -> None:
        self.clock.pass_time(1.0)
        duration_s = self.clock.now() - self.journal.opened_at
        self.tell(
            CallEnded(
                call=self.call,
                route="chat",
                source=source,
                target=target,
                status=status,
                end=end,
                fallback=fallback,
                degraded=degraded,
                duration_s=duration_s,
                first_byte_s=duration_s - 1.0,
                bytes_sent=1200,
                kind=kind,
            )
        )


def plain(hear: Hear, **but: object) -> Telling:
    """Answered by the first target, at once."""
    told = Telling(hear, **but)  # type: ignore[arg-type]
    told.answers("openai")
    told.tell(UsageSeen(10, 20))
    told.ends()
    return told


def saved(hear: Hear, message: str = "slow down", **but: object) -> Telling:
    """openai fails twice, and openrouter answers."""
    told = Telling(hear, **but)  # type: ignore[arg-type]
    told.fails("openai", FailureKind.RATE_LIMIT, 429, message)
    told.tell(Retrying("openai", FailureKind.RATE_LIMIT, 2.0))
    told.clock.pass_time(2.0)
    told.fails("openai", FailureKind.RATE_LIMIT, 429, message)
    told.tell(PassedOver("azure", f"its breaker is open: {message}", FailureKind.CIRCUIT_OPEN))
    told.answers("openrouter", "openai/gpt-4o")
    told.tell(FellBack("openai", "openrouter", FailureKind.RATE_LIMIT))
    told.tell(UsageSeen(10, 20))
    told.ends("openrouter", fallback=True)
    return told


def broken(hear: Hear, message: str = "connection reset", **but: object) -> Telling:
    """A stream that is cut after it began."""
    told = Telling(hear, stream=True, **but)  # type: ignore[arg-type]
    told.answers("openai")
    told.tell(StreamBroke("openai", FailureKind.BROKEN_STREAM, message), after_s=0.5)
    told.ends(end=End.BROKEN, kind=FailureKind.BROKEN_STREAM)
    return told


def raced(hear: Hear, waited_s: float = 2.0, **but: object) -> Telling:
    """openai is slow, azure is asked too and is faster."""
    told = Telling(hear, **but)  # type: ignore[arg-type]
    told.tell(AttemptStarted("openai", 1, "gpt-4o", 0xA1))
    told.tell(Hedged("openai", "azure", waited_s), after_s=2.0)
    told.tell(AttemptStarted("azure", 2, "gpt-4o", 0xA2))
    told.tell(AttemptEnded("azure", 2, 0.5, 200), after_s=0.5)
    told.tell(AttemptCancelled("openai", 1, 2.5))
    told.tell(UsageSeen(10, 20))
    told.ends("azure", fallback=True)
    return told


def resumed(hear: Hear, **but: object) -> Telling:
    """A stream of openai that is cut, and that azure goes on with."""
    told = Telling(hear, stream=True, **but)  # type: ignore[arg-type]
    told.answers("openai")
    told.answers("azure")
    told.tell(Resumed("openai", "azure", FailureKind.BROKEN_STREAM))
    told.tell(UsageSeen(10, 20, "azure"))
    told.ends(degraded="resumed by azure")
    return told
