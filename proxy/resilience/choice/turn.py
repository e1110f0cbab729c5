"""Whose turn it is to be asked."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from proxy.core.call import Call
from proxy.core.reply import Reply
from proxy.resilience.choice.target import Target


class Turn(NamedTuple):
    """`target` is to be asked this. `place` is where it stands among the targets."""

    target: Target
    call: Call
    place: int


Ask = Callable[[Turn], Awaitable[Reply]]


def asked(turn: Turn) -> Awaitable[Reply]:
    """The answer of the one whose turn it is."""
    return turn.target.handler.handle(turn.call)
