"""What an application of a provider family says and understands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from proxy.core.call import Operation

QUESTION = "Say hello."


@dataclass(frozen=True, slots=True)
class Asking:
    """A request. `path` is what follows the upstream's name."""

    method: str
    path: str
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the body of an answer says. `finished`: it says itself that it is whole. `error`: the
    message of the error that it is, or ends with."""

    text: str = ""
    finished: bool = False
    error: str = ""


class Tongue(Protocol):
    """Asks in one dialect, and understands it."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What can be asked, the most usual first."""
        ...

    def model(self, operation: Operation) -> str:
        """What is asked for where the policy has no wish."""
        ...

    def streams(self, operation: Operation) -> bool: ...

    def ask(self, operation: Operation, model: str, stream: bool) -> Asking: ...

    def hear(self, operation: Operation, stream: bool, body: bytes) -> Heard: ...


def post(path: str, said: dict[str, Any], *fields: tuple[str, str]) -> Asking:
    sent = (("Content-Type", "application/json"), *fields)
    return Asking("POST", path, sent, orjson.dumps(said))


def document(body: bytes) -> dict[str, Any]:
    """A JSON object; empty where the bytes are none."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def events(body: bytes) -> Iterator[bytes]:
    """The data of each event of a stream that is complete: what is cut inside does not count."""
    *whole, _ = body.replace(b"\r\n", b"\n").split(b"\n\n")
    for event in whole:
        lines = [line for line in event.split(b"\n") if line.startswith(b"data:")]
        if lines:
            yield b"\n".join(line[5:].removeprefix(b" ") for line in lines)
