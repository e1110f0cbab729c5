"""Ends a wait from outside of it, for a reason that is no cancellation of the task."""

import asyncio
from types import TracebackType
from typing import Self

from proxy.core.clock import keep_word, word_of


class Interrupt:
    """`with interrupt:` until `interrupt.now()`, which ends the block where it waits and lets its
    task go on behind it. Good for one block after the other.

    A cancellation of the task stays one, with its word, also when both happen at once. A time limit
    within the block that is up at the same moment does not keep it from ending.
    """

    __slots__ = ("_before", "_rang", "_task")

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._before = 0
        self._rang = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # who waits does so in a task
        self._task, self._before, self._rang = task, task.cancelling(), False
        return self

    def now(self) -> None:
        """Harmless where nobody is in the block, or about to leave it."""
        task = self._task
        if task is not None and not self._rang:
            self._rang = True
            task.cancel(word_of(task))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        task, self._task = self._task, None
        if not self._rang or task is None:
            return False
        if task.uncancel() <= self._before:
            return kind is asyncio.CancelledError
        keep_word(task, error)
        return False
