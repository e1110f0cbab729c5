"""What the app was given of a text is followed, as long as somebody else could go on with it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.dialects.openai import teller as module
from proxy.dialects.openai.teller import Teller, teller
from tests.dialects.recordings import cuts

SSE = CIMultiDict({"content-type": "text/event-stream"})


def event(**fields: object) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def delta(finish: str | None = None, **says: object) -> bytes:
    return event(choices=[{"index": 0, "delta": says, "finish_reason": finish, "logprobs": None}])


ROLE = delta(role="assistant", content="", refusal=None)
HELLO, WORLD = delta(content="Hello"), delta(content=" world")
STOP = delta("stop")


def fed(*chunks: bytes) -> Teller:
    follower = Teller()
    for chunk in chunks:
        follower.feed(chunk)
    return follower


@pytest.mark.parametrize(
    ("operation", "headers", "follows"),
    [
        (Operation.CHAT, SSE, True),
        (Operation.COMPLETIONS, SSE, True),
        (Operation.CHAT, CIMultiDict({**SSE, "content-encoding": "identity"}), True),
        (Operation.CHAT, CIMultiDict({**SSE, "content-encoding": "gzip"}), False),
        (Operation.CHAT, CIMultiDict({"content-type": "application/json"}), False),
        (Operation.EMBEDDINGS, SSE, False),
        (Operation.OTHER, SSE, False),
    ],
)
def test_what_is_followed(operation: Operation, headers: "CIMultiDict[str]", follows: bool) -> None:
    assert (teller(operation, headers) is not None) is follows


def test_the_text_is_put_together() -> None:
    told = fed(ROLE, HELLO, b": ping\n\n", b"data: {{{\n\n", event(choices=[], usage={}), WORLD)
    assert told.text == "Hello world"
    assert told.continuable


def test_text_of_completions() -> None:
    told = fed(*(event(choices=[{"index": 0, "text": word}]) for word in ("a", " b")))
    assert (told.text, told.continuable) == ("a b", True)


def test_thinking_is_no_text_and_does_not_matter() -> None:
    told = fed(delta(reasoning_content="hm"), delta(reasoning="so"), HELLO)
    assert (told.text, told.continuable) == ("Hello", True)


@pytest.mark.parametrize(
    "spoiler",
    [
        delta(tool_calls=[{"index": 0, "id": "1"}]),
        delta(function_call={"name": "f"}),
        delta(refusal="I will not"),
        delta(audio={"id": "a"}),
        delta(content=[{"type": "text", "text": "parts"}]),
        event(choices=[{"index": 1, "delta": {"content": "other"}}]),
        event(choices=[{"index": 0, "delta": {}}, {"index": 1, "delta": {}}]),
        event(choices=[{"index": 0, "delta": {"content": "x"}, "logprobs": {"content": []}}]),
        STOP,
        delta("length"),
    ],
)
def test_more_than_text_is_never_continued(spoiler: bytes) -> None:
    told = fed(ROLE, HELLO, spoiler, WORLD)
    assert not told.continuable


def test_half_an_event_cannot_be_followed_by_another() -> None:
    told = fed(ROLE, HELLO, WORLD[:-1])
    assert not told.continuable
    told.feed(WORLD[-1:])
    assert (told.text, told.continuable) == ("Hello world", True)


def test_a_text_beyond_bounds_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHARACTERS", 7)
    told = fed(HELLO, WORLD)
    assert (told.text, told.continuable) == ("", False)


PARTS = st.sampled_from(
    [ROLE, HELLO, WORLD, STOP, b": ping\n\n", b"data: [DONE]\n\n", b"data: {{{\n\n", WORLD[:-9]]
)


@given(st.lists(PARTS | st.binary(max_size=20), max_size=8), st.integers(0, 99), st.booleans())
def test_any_chunking_any_garbage(parts: list[bytes], seed: int, crlf: bool) -> None:
    stream = b"".join(parts)
    stream = stream.replace(b"\n", b"\r\n") if crlf else stream
    found = {(t.text, t.continuable) for t in (fed(*chunks) for chunks in cuts(stream, seed))}
    assert len(found) == 1
