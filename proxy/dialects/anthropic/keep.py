"""Which good answers are ones to keep for others: finished, not cut short, no refusal."""

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects.coding import readable
from proxy.dialects.frames import Frames
from proxy.dialects.judging import MOST_PARSED_BYTES
from proxy.dialects.objects import object_in

_FINISHED = frozenset(("end_turn", "stop_sequence", "tool_use"))
"""`max_tokens`, `refusal` and `pause_turn` are answers too, but the next caller may have better
luck."""


def whole(operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
    """Whether a good answer is one to keep. What cannot be looked into never is."""
    plain = readable(headers, body)
    if plain is None or operation not in (Operation.CHAT, Operation.COMPLETIONS):
        return False
    if streamed:
        return _stream_is_whole(plain)
    answer = object_in(plain) if len(plain) <= MOST_PARSED_BYTES else None
    return answer is not None and not answer.get("error") and _finished(answer)


def _stream_is_whole(plain: bytes) -> bool:
    """It came to its end, for a good reason, without an error on the way. Only the end is read: no
    line within an event's JSON can begin like another event."""
    at = max(plain.rfind(b"event: message_delta"), plain.rfind(b"event: completion"))
    if at < 0 or plain.find(b"\nevent: error") >= 0:
        return False
    finished = False
    for event in Frames().feed(plain[at:]):
        said = object_in(event.data) or {}
        match said.get("type"):
            case "message_delta":
                finished = _finished(said.get("delta"))
            case "message_stop":
                return finished
            case "completion":
                return _finished(said)
    return False


def _finished(told: object) -> bool:
    return isinstance(told, dict) and told.get("stop_reason") in _FINISHED
