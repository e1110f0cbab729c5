"""Which answers are taken in, and how one is collected on its way to the app."""

from collections.abc import Callable

from proxy.cache.fields import wishes_in
from proxy.core.call import Call
from proxy.core.event import CallEvent, FellBack, Hedged, Resumed
from proxy.core.reply import End, Reply, Source


def worth_keeping(call: Call, reply: Reply) -> bool:
    """Whether an answer that begins like `reply` may be kept, should it end well.

    Only what the provider itself said that the app asked: not what a fallback, a stand-in or the
    cache did. `private` does not forbid it: entries are as private as the credential in their key.
    Nor does `no-cache`, which event streams carry against proxies that buffer; whoever configures
    a time to live has decided that. `no-store` is honoured (RFC 9111 5.2.2.5).
    """
    headers = reply.headers
    return (
        reply.source is Source.UPSTREAM
        and reply.status == 200
        and reply.target == call.upstream
        and "no-store" not in wishes_in(headers)
        and "*" not in headers.getall("vary", [])  # RFC 9111 4.1: such an answer fits no other call
        and not any(_is_of_another(entry.event, reply.target) for entry in call.journal.entries)
    )


def _is_of_another(event: CallEvent, target: str) -> bool:
    """Whether `event` says that `target`, which answered, may have done so in another's place: also
    one model of an upstream in that of another."""
    return type(event) is FellBack or (type(event) is Hedged and event.target == target)


def was_joined(call: Call) -> bool:
    """Whether the answer is of several providers, now that it has ended: nobody said all of it."""
    return any(type(entry.event) is Resumed for entry in call.journal.entries)


class Intake:
    """Collects one answer of at most `limit_bytes`; gives it to `take` when all of it was sent.

    Holds no Reply, whose taps would hold it: such rings would wait for the garbage collector.
    """

    __slots__ = ("_chunks", "_room_bytes", "_take")

    def __init__(self, limit_bytes: int, take: Callable[[bytes], None]) -> None:
        self._room_bytes = limit_bytes
        self._take = take
        self._chunks: list[bytes] = []

    def tap(self, chunk: bytes) -> None:
        self._room_bytes -= len(chunk)
        if self._room_bytes >= 0:
            self._chunks.append(chunk)
        elif self._chunks:
            self._chunks = []

    def end(self, end: End) -> None:
        if end is End.COMPLETE and self._room_bytes >= 0:
            self._take(b"".join(self._chunks))
        self._chunks = []
