"""The shape of a strategy: a handler that chooses among targets, and can be asked to go on."""

from collections.abc import Sequence
from typing import Protocol

from proxy.core.call import Call
from proxy.core.failure import Failure
from proxy.core.handler import Handler
from proxy.core.reply import Reply


class Strategy(Handler, Protocol):
    """Who is asked, and in which order."""

    async def after(self, call: Call, failures: Sequence[Failure]) -> Reply:
        """What `handle` does once `failures` have happened: their targets are not asked again, and
        who is asked first is led to by the last of them. `handle(call)` is `after(call, ())`.

        Where nobody answers, the Failure that comes out has `failures` too. Where somebody does, it
        is told as no fallback: whoever asks knows what the answer is for.
        """
        ...
