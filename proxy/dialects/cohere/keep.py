"""Which good answers are ones to keep for others: finished, and not cut short."""

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects.coding import readable
from proxy.dialects.cohere.stream import framing_of
from proxy.dialects.judging import MOST_PARSED_BYTES
from proxy.dialects.objects import object_in

_FINISHED = frozenset(("COMPLETE", "STOP_SEQUENCE", "TOOL_CALL"))


def whole(operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
    """Whether a good answer is one to keep. What cannot be looked into, or would take long, never
    is."""
    plain = readable(headers, body)
    if plain is None:
        return False
    if streamed:
        framing = framing_of(headers)
        return framing is not None and any(
            _ends_well(event.data) for event in framing.feed(plain)[-2:]
        )
    answer = object_in(plain) if len(plain) <= MOST_PARSED_BYTES else None
    if answer is None:
        return False
    if operation is Operation.CHAT:
        return answer.get("finish_reason") in _FINISHED
    return operation is Operation.EMBEDDINGS and bool(answer.get("embeddings"))


def _ends_well(data: bytes) -> bool:
    """Whether an event is the last one of an answer that is finished."""
    match object_in(data):
        case {"type": "message-end", "delta": {"finish_reason": str(reason)}}:
            return reason in _FINISHED
        case {"event_type": "stream-end", "finish_reason": str(reason)}:
            return reason in _FINISHED
    return False
