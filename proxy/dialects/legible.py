"""Events that no client could read, taken out of a stream that otherwise goes on whole.

The official SDKs raise on the first event whose data is no JSON, and the app loses an answer that
was all there.
"""

import json

import orjson

from proxy.dialects.frames import Frames, comment, first_event

MOST_READ_BYTES = 64 * 1024
"""Of one event: 0.2 ms. A longer one (an image, a sound) is thought to be well."""

LEFT_OUT = comment("left out an event that was no JSON")


def legible(chunk: bytes, left_out: bytes = LEFT_OUT) -> bytes:
    """`chunk`, which is whole server-sent events, with `left_out` in the place of each that is
    no JSON. Nearly always it is the same bytes."""
    if (
        chunk.startswith(b"data: {")
        and chunk.endswith(b"}\n\n")
        and chunk.count(b"\n") == 2
        and _is_json(chunk[6:-2])
    ):
        return chunk
    kept, at = [], 0
    while end := first_event(chunk, at):
        block = chunk[at:end]
        well = all(_can_be_read(event.data) for event in Frames().feed(block))
        kept.append(block if well else left_out)
        at = end
    return b"".join(kept) + chunk[at:]


def _can_be_read(data: bytes) -> bool:
    return data.startswith(b"[DONE]") or _is_json(data)


def _is_json(data: bytes) -> bool:
    if len(data) > MOST_READ_BYTES:
        return True
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return _is_lax_json(data)
    return True


def _is_lax_json(data: bytes) -> bool:
    """Clients are laxer than the standard: bad UTF-8 is replaced, and Python knows NaN."""
    try:
        json.loads(data.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return False
    return True
