"""Which texts are encoded together: plain decisions on the event loop that wait for nothing.

Texts of several requests share a batch, for a batch of one short text costs as much as ten; and a
large request is shared out over the lanes and lets others in between its batches.
"""

from asyncio import Future
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_LEAST_TOKENS = 64
"""Smaller batches cost more than sharing them out over the lanes gains."""


class Job:
    """The texts of one request, and what has been made of them. `done` ends when all has; whoever
    cancels `done` wants no more of it."""

    __slots__ = ("_left", "_order", "done", "numbers", "vectors")

    def __init__(self, numbers: Sequence[Sequence[int]], done: Future[None]) -> None:
        self.numbers = numbers
        self.vectors: list[bytes] = [b""] * len(numbers)
        self.done = done
        # Texts of one length are encoded faster side by side. Taken from the end: longest first.
        self._order = sorted(range(len(numbers)), key=lambda index: len(numbers[index]))
        self._left = len(numbers)

    @property
    def waits(self) -> bool:
        """Whether some of its texts have yet to be taken, and are wanted."""
        return bool(self._order) and not self.done.done()

    @property
    def waiting_tokens(self) -> int:
        return sum(len(self.numbers[index]) for index in self._order)

    def peek_tokens(self) -> int:
        """The length of the text that is next."""
        return len(self.numbers[self._order[-1]])

    def take(self) -> "Piece":
        return Piece(self, self._order.pop())

    def put(self, index: int, vector: bytes) -> None:
        self.vectors[index] = vector
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class Piece:
    """One text of a job."""

    job: Job
    index: int

    @property
    def numbers(self) -> Sequence[int]:
        return self.job.numbers[self.index]


class Line:
    """The jobs that wait, served in turn."""

    __slots__ = ("_jobs",)

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()

    @property
    def waiting_jobs(self) -> int:
        return sum(job.waits for job in self._jobs)

    def add(self, job: Job) -> None:
        self._jobs.append(job)

    def take(self, lanes: int, batch_tokens: int) -> list[Piece]:
        """The next batch, empty when nothing waits: up to `batch_tokens`, but no more than an even
        share of all that waits for one of `lanes`. A job that was served and still waits comes last
        the next time."""
        self._jobs = deque(job for job in self._jobs if job.waits)
        waiting = sum(job.waiting_tokens for job in self._jobs)
        room = min(batch_tokens, max(_LEAST_TOKENS, -(-waiting // lanes)))
        batch: list[Piece] = []
        while self._jobs:
            job, before = self._jobs[0], len(batch)
            while job.waits and (not batch or job.peek_tokens() <= room):
                room -= job.peek_tokens()
                batch.append(job.take())
            if job.waits:
                if len(batch) > before:
                    self._jobs.rotate(-1)
                break
            self._jobs.popleft()
        return batch

    def clear(self, error: BaseException) -> None:
        """Ends all that waits with `error`."""
        while self._jobs:
            self._jobs.popleft().fail(error)
