"""What the supervisor is told: it takes one report after the other from a queue."""

from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Came:
    """A signal was sent to us. Of one `from_terminal`, all of our process group got its own."""

    number: int
    from_terminal: bool


@dataclass(frozen=True, slots=True)
class Spoke:
    """A process wrote its first line on the stdout that we read. `pid` says which."""

    pid: int
    line: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A process ended: with `status`, or of the signal -`status`."""

    pid: int
    status: int


Report: TypeAlias = Came | Spoke | Ended
Reports: TypeAlias = "SimpleQueue[Report]"
"""A SimpleQueue, since signal handlers may put into it at any time."""
