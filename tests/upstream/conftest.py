"""What the tests of this room share."""

import sys
from collections.abc import Iterator

import pytest


class Connects:
    """Where this process has tried to connect to while somebody listened."""

    def __init__(self) -> None:
        self.listening = False
        self.seen: list[object] = []

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.listening and event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self.seen.append(arguments[1])


@pytest.fixture(scope="session")
def _ear() -> Connects:
    ear = Connects()
    sys.addaudithook(ear.hear)  # there is no way to take it away again
    return ear


@pytest.fixture
def connects(_ear: Connects) -> Iterator[list[object]]:
    """Every address that a socket was told to connect or send to: Python itself tells it."""
    _ear.seen.clear()
    _ear.listening = True
    yield _ear.seen
    _ear.listening = False
