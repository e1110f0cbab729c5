"""Targets that are asked beside another, each in a task of its own."""

import asyncio
from collections.abc import Callable, Iterable

from proxy.core.event import Bug
from proxy.core.failure import Failure
from proxy.core.journal import Journal
from proxy.core.reply import End, Reply
from proxy.resilience.choice.turn import Turn, asked

CALLED_OFF_S = 2.0
"""How long those who were called off are waited for: they have nothing to do but to close what they
hold. One that takes longer closes its answer itself, whenever it comes."""

Runner = asyncio.Task[Reply | Failure | None]


class Runners:
    """Whoever begins one must see to it that all are called off in the end. Until then `hear` is
    called whenever one is done; it must not raise."""

    __slots__ = ("_hear", "_journal", "_over", "_turns")

    def __init__(self, journal: Journal, hear: Callable[[], None]) -> None:
        self._journal = journal
        self._hear = hear
        self._turns: dict[Runner, Turn] = {}
        self._over = False

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def turns(self) -> Iterable[Turn]:
        """Of those that run, as they were begun."""
        return self._turns.values()

    @property
    def latest(self) -> Turn | None:
        """The turn of the one begun last of those that run."""
        return next(reversed(self._turns.values()), None)

    @property
    def decided(self) -> bool:
        """Whether one has answered, or has shown a bug of ours. Ask for `failures` before."""
        return any(runner.done() for runner in self._turns)

    def begin(self, turn: Turn) -> None:
        runner: Runner = asyncio.create_task(self._ask(turn))
        runner.add_done_callback(self._done)
        self._turns[runner] = turn

    def failures(self) -> list[tuple[Turn, Failure]]:
        """Of those that have failed, once each."""
        return [
            (self._turns.pop(runner), result)
            for runner in list(self._turns)
            if isinstance(result := _result(runner), Failure)
        ]

    def answer(self) -> tuple[Turn, Reply] | None:
        """The first answer, once. Where there is none, raises what is no Failure: a bug of ours."""
        for runner in list(self._turns):
            if isinstance(reply := _result(runner), Reply):
                return self._turns.pop(runner), reply
        for runner in list(self._turns):
            if runner.done():
                del self._turns[runner]
                runner.result()
        return None

    async def call_off(self) -> None:
        """End all that still run, and close the answers that nobody has taken. Returns when that is
        done, also where it is cancelled meanwhile: that comes out at the end."""
        self._over = True
        ending: set[asyncio.Task[object]] = set()
        for runner in self._turns:
            if not runner.done():
                runner.cancel()
                ending.add(runner)
            elif isinstance(reply := _result(runner), Reply):
                ending.add(asyncio.create_task(reply.close(End.LOST)))
        try:
            await _ended(ending)
        finally:
            for task in {*self._turns, *ending}:
                self._tell_bug(task)

    async def _ask(self, turn: Turn) -> Reply | Failure | None:
        """The answer, or why there is none: a value, so that nobody has to fetch what comes too
        late. None for an answer that nobody waits for any more: it is closed."""
        try:
            reply = await asked(turn)
        except Failure as failure:
            return failure
        if not self._over:
            return reply
        await reply.close(End.LOST)
        return None

    def _done(self, runner: Runner) -> None:
        if not self._over:
            self._hear()

    def _tell_bug(self, task: asyncio.Task[object]) -> None:
        """A bug of ours in what nobody wants any more spoils no answer, and is not kept quiet."""
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            self._journal.tell(Bug("a target that was called off", error))


def _result(runner: Runner) -> Reply | Failure | None:
    """What it came to; None while it runs, and where that is a bug of ours."""
    flawed = not runner.done() or runner.cancelled() or runner.exception() is not None
    return None if flawed else runner.result()


async def _ended(tasks: set[asyncio.Task[object]]) -> None:
    """Wait for all of them, `CALLED_OFF_S` at most, whoever cancels the waiting meanwhile."""
    loop = asyncio.get_running_loop()
    until = loop.time() + CALLED_OFF_S
    cancelled: asyncio.CancelledError | None = None
    while tasks and (left_s := until - loop.time()) > 0:
        try:
            _, tasks = await asyncio.wait(tasks, timeout=left_s)
        except asyncio.CancelledError as error:
            cancelled = error  # its word gets through: the last one is the latest news
    if cancelled is not None:
        raise cancelled
