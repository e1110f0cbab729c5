"""What is to be run, where it came to listen, and why it was not."""

from collections.abc import Sequence
from dataclasses import dataclass


class NotStarted(Exception):
    """The proxy ended before it was ready, or could not be started; why was said, and CMD was not
    run. Or whoever waited for it sent a signal. `status` as Popen has it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy ended with {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Where:
    """What a ready proxy says of itself: URLs of its two ports."""

    listen: str
    admin: str

    @classmethod
    def of(cls, line: str) -> "Where":
        words = dict(word.partition("=")[::2] for word in line.split())
        return cls(words["listen"], words["admin"])


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted. `flags` are those of `serve`, less the two ports. `folder` is the proxy's to
    remove if we cannot, or empty. `drain_s` is what it takes to end."""

    command: Sequence[str]
    flags: Sequence[str]
    listen: str
    admin: str
    folder: str
    drain_s: float
