"""The one shape of everything that can answer."""

from typing import Protocol

from proxy.core.call import Call
from proxy.core.reply import Reply


class Handler(Protocol):
    """Answers a call. A Layer is a Handler with an `inner` Handler.

    Handlers are frozen dataclasses, compiled once per policy load, so that the tree of them can be
    printed. What lasts longer than a call is kept elsewhere and passed in; what belongs to one call
    is a local variable.
    """

    async def handle(self, call: Call) -> Reply:
        """A Reply whose `close` the taker must call, or raises `Failure`.

        Any other exception is a bug of ours. When cancelled, nothing is left open.
        """
        ...
