"""A call to be had without a listener, and somebody who hears what is told of it."""

from multidict import CIMultiDict

from proxy.core.call import Call, Face, Operation
from proxy.core.clock import Clock
from proxy.core.event import Event
from proxy.core.journal import Journal
from tests.clock import FalseClock


class Heard:
    """Everybody who listens: keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event, journal: Journal | None) -> None:
        self.events.append(event)


def a_call(clock: Clock | None = None, **fields: object) -> Call:
    """A chat with upstream `openai`, unless told otherwise."""
    known = {
        "id": "us-1",
        "method": "POST",
        "upstream": "openai",
        "path": "/v1/chat/completions",
        "headers": CIMultiDict(),
        "body": b"{}",
        "face": Face.BASE_URL,
        "dialect": "openai",
        "operation": Operation.CHAT,
        "model": "gpt-4o",
        "stream": False,
        "journal": Journal("us-1", clock or FalseClock(), Heard()),
    }
    return Call(**{**known, **fields})  # type: ignore[arg-type]
