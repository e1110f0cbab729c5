"""What one event of a stream adds to the answer.

Only the first block of a message can be gone on with: its text stands alone, and what another model
adds to it is found under the same index.
"""

from typing import Any

from proxy.dialects.objects import object_in
from proxy.dialects.openai.piece import Piece, Pieces

_MORE = Piece("", thinks=False, more=True, finish=False)
_FINISH = Piece("", thinks=False, more=False, finish=True)
_FINISHES = frozenset(("content_block_stop", "message_delta", "message_stop"))


def piece_of(data: bytes) -> Piece | None:
    """None where `data` adds nothing: what is no JSON object, a ping, a beginning."""
    match object_in(data):
        case {"type": "content_block_delta", "index": 0, "delta": {"text": str(text)}}:
            return Piece(text, thinks=False, more=False, finish=False)
        case {"type": "content_block_start", "index": 0, "content_block": {"text": ""}}:
            return None
        case {"type": "content_block_start" | "content_block_delta"}:
            return _MORE
        case {"type": "completion", "completion": str(text), "stop_reason": reason}:
            return Piece(text, thinks=False, more=False, finish=bool(reason))
        case {"type": str(kind)} if kind in _FINISHES:
            return _FINISH
    return None


def with_text(document: dict[str, Any], text: str) -> dict[str, Any]:
    """A copy of an event's object that adds `text` in place of its own."""
    if "delta" in document:
        return {**document, "delta": {**document["delta"], "text": text}}
    return {**document, "completion": text}


PIECES = Pieces(piece_of, with_text)
