"""What a good answer must have, where it is a JSON object or a stream of events that came whole."""

from collections.abc import Callable
from typing import Any, NamedTuple

from proxy.core.failure import Failure
from proxy.dialects.coding import Beginning
from proxy.dialects.dialect import Judgement, StreamReader
from proxy.dialects.frames import whole_events
from proxy.dialects.judging import MOST_PARSED_BYTES, is_object, malformed
from proxy.dialects.objects import last_object, object_in
from proxy.dialects.said import glimpse


class Form(NamedTuple):
    """What a dialect knows of its answers."""

    usage: str
    """The object that tells the tokens."""
    comes_to: Callable[[dict[str, Any]], Judgement]
    """The tokens of an answer; or why it is none after all."""
    failure_inside: Callable[[dict[str, Any], int], Failure]
    """Which failure the error in a good answer is."""


def look_at_object(form: Form, wanted: tuple[str, ...], status: int, plain: Beginning) -> Judgement:
    """Of an answer that is none without one of `wanted`."""
    if not plain.whole or len(plain.content) > MOST_PARSED_BYTES:
        return _look_at_ends(form, wanted, status, plain)
    answer = object_in(plain.content)
    if answer is None:
        what = "what is no JSON object" if plain.content.strip() else "nothing"
        return malformed(status, f"it answered {status} with {what}")
    if answer.get("error") and not any(answer.get(name) for name in wanted):
        return form.failure_inside(answer, status)
    if any(answer.get(name) is not None for name in wanted):
        return form.comes_to(answer)
    return malformed(status, f"it answered {status} without {wanted[0]}")


def look_at_events(reader: StreamReader, plain: Beginning) -> Judgement:
    """Of a stream; of a long one, the whole events at its beginning and at its end, where a single
    one may be long (Responses repeats all of the answer in it)."""
    content = plain.content
    if len(content) > 2 * MOST_PARSED_BYTES:
        begun = whole_events(content[:MOST_PARSED_BYTES])
        reader.feed(content[:begun])
        content = content[max(begun, whole_events(content[:-MOST_PARSED_BYTES])) :]
    reader.feed(content)
    return (reader.finish() if plain.whole else reader.failure) or reader.usage


def _look_at_ends(form: Form, wanted: tuple[str, ...], status: int, plain: Beginning) -> Judgement:
    """Of an answer that is too large to read. Quotes within a JSON text are escaped, so the words
    of an answer are not taken for its keys."""
    content = plain.content
    if not is_object(plain):
        return malformed(status, f"it answered {status} with what is no JSON object")
    if any(content.find(f'"{name}"'.encode()) >= 0 for name in wanted):
        used = last_object(content, form.usage) if plain.whole else None
        return form.comes_to({form.usage: used})
    if content.find(b'"error"') >= 0:
        return form.failure_inside(glimpse(content), status)
    return malformed(status, f"it answered {status} without {wanted[0]}")
