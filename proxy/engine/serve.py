"""The program in force, and calls served by it."""

from proxy.core.call import Call
from proxy.core.reply import Reply
from proxy.engine.compile import Program


class Engine:
    """Holds one reference to the program in force. A call keeps the one that it started with."""

    __slots__ = ("_program",)

    def __init__(self, program: Program) -> None:
        self._program = program

    @property
    def program(self) -> Program:
        return self._program

    def swap(self, program: Program) -> None:
        """Put another program in force for calls that come from now on."""
        self._program = program


async def serve(program: Program, call: Call, *, known: bool) -> Reply:
    """Answer `call` under `program`; `known` is False for a host that is no upstream."""
    if not known:
        return await program.passthrough.handle(call)
    plan = program.plan(call.upstream, call.operation, call.model, call.headers)
    return await plan.handle(call)
