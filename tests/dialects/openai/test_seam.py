"""Two streams become one: what was said already is taken out of the second, wherever it is cut."""

import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.dialects import frames
from proxy.dialects.openai import seam as module
from proxy.dialects.openai.seam import Seam, seam
from tests.dialects.openai.test_teller import HELLO, ROLE, SSE, STOP, WORLD, delta, event, fed
from tests.dialects.recordings import cuts

DONE = b"data: [DONE]\n\n"
USAGE = event(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2})
WHOLE = (ROLE, HELLO, WORLD, STOP, USAGE, DONE)


def joined(said: str, *chunks: bytes, continues: bool = False) -> tuple[bytes, Seam]:
    follower = seam(Operation.CHAT, SSE, said, continues=continues)
    assert follower is not None
    given = b"".join(map(follower.feed, chunks))
    return given + follower.finish(), follower


def rest(said: str, *chunks: bytes, continues: bool = False) -> bytes | None:
    """What the app is given; None where the text is another."""
    given, follower = joined(said, *chunks, continues=continues)
    assert follower.diverged is not follower.through
    assert given == b"" or follower.through
    return given if follower.through else None


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("Hello", (WORLD, STOP, USAGE, DONE)),
        ("Hello world", (STOP, USAGE, DONE)),
        ("", (HELLO, WORLD, STOP, USAGE, DONE)),
    ],
)
def test_what_was_said_in_whole_events_is_dropped(said: str, given: tuple[bytes, ...]) -> None:
    assert rest(said, *WHOLE) == b"".join(given)


@pytest.mark.parametrize("said", ["H", "Hell", "Hello ", "Hello worl"])
def test_the_event_in_which_the_new_text_begins_is_cut(said: str) -> None:
    given = rest(said, *WHOLE)
    assert given is not None
    told = fed(given.removesuffix(STOP + USAGE + DONE))
    assert said + told.text == "Hello world"
    assert given.endswith(STOP + USAGE + DONE)


def test_a_cut_event_keeps_all_else() -> None:
    first = event(
        id="2", choices=[{"index": 0, "delta": {"role": "assistant", "content": "Hey"}}], model="m"
    )
    (given,) = (rest("He", b"event: message\n" + first, STOP) or b"").split(b"\n\n")[:1]
    name, data = given.split(b"\n")
    assert name == b"event: message"
    assert orjson.loads(data.removeprefix(b"data: ")) == {
        "id": "2",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": "y"}}],
        "model": "m",
    }


def test_completions_are_joined_too() -> None:
    one, two = (event(choices=[{"index": 0, "text": text}]) for text in ("Hello w", "orld"))
    given = rest("Hello", one, two)
    assert given == event(choices=[{"index": 0, "text": " w"}]) + two


@pytest.mark.parametrize(
    "chunks",
    [
        (ROLE, delta(content="Good day")),
        (ROLE, delta(content="Hellx"), STOP),
        (ROLE, delta(content="Hel"), STOP, DONE),
        (ROLE, delta("stop", content="Hel")),
        (ROLE, delta(content="Hel"), DONE),
        (ROLE, delta(content="Hel")),
        (ROLE, delta(tool_calls=[{"index": 0}])),
        (ROLE, delta(refusal="no")),
        (delta(content=["parts"]),),
        (event(choices=[{"index": 1, "delta": {"content": "Hello"}}]),),
        (DONE,),
        (b"{}",),
        (),
    ],
)
def test_another_answer_is_none(chunks: tuple[bytes, ...]) -> None:
    assert rest("Hello", *chunks) is None


def test_a_prefilled_answer_goes_on_at_once() -> None:
    assert rest("Hello", ROLE, WORLD, STOP, DONE, continues=True) == WORLD + STOP + DONE
    assert rest("Hello", ROLE, STOP, DONE, continues=True) == STOP + DONE


def test_thinking_is_not_given_after_text() -> None:
    hm = delta(reasoning_content="hm")
    assert rest("Hello", ROLE, hm, HELLO, WORLD) == WORLD
    assert rest("Hello", ROLE, hm, WORLD, continues=True) == WORLD
    assert rest("", ROLE, hm, WORLD) == hm + WORLD, (
        "nothing was said yet: it shows that work goes on"
    )


def test_a_tool_call_after_what_was_said_is_given_whole() -> None:
    call = delta(tool_calls=[{"index": 0, "id": "1", "function": {"name": "f", "arguments": ""}}])
    assert rest("Hello", ROLE, HELLO, call, STOP) == call + STOP


def test_comments_and_malformed_events_before_it_are_dropped() -> None:
    assert rest("Hello", b": ping\n\n", b"data: {{{\n\n", ROLE, HELLO, WORLD) == WORLD
    late = b": ping\n\n"
    assert rest("Hello", ROLE, HELLO, WORLD, late) == WORLD + late


def test_the_last_event_may_lack_its_blank_line() -> None:
    assert rest("Hello world", ROLE, HELLO, WORLD, STOP[:-1]) == STOP[:-1] + b"\n\n"


def test_what_cannot_be_looked_into_cannot_be_joined() -> None:
    for headers in ({"content-type": "application/json"}, {**SSE, "content-encoding": "gzip"}):
        assert seam(Operation.CHAT, CIMultiDict(headers), "Hello", continues=False) is None
    assert seam(Operation.OTHER, SSE, "Hello", continues=False) is None


def test_an_event_without_end_is_not_held_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.MOST_HELD_BYTES == frames.MOST_HELD_BYTES
    monkeypatch.setattr(module, "MOST_HELD_BYTES", 100)
    follower = Seam("Hello", continues=False)
    assert follower.feed(b"data: " + b"x" * 200) == b""
    assert follower.diverged
    assert follower.feed(HELLO + WORLD) == b""
    assert not follower.through


PARTS = st.sampled_from(
    [ROLE, HELLO, WORLD, STOP, b": ping\n\n", DONE, b"data: {{{\n\n", delta(reasoning="hm")]
)


@given(
    st.lists(PARTS | st.binary(max_size=20), max_size=8),
    st.sampled_from(["", "He", "Hello", "Hello w", "Hello world"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_any_chunking_any_garbage(
    parts: list[bytes], said: str, continues: bool, seed: int
) -> None:
    stream = b"".join(parts)
    stream = stream.replace(b"\n", b"\r\n") if seed % 3 == 0 else stream
    found = {rest(said, *chunks, continues=continues) for chunks in cuts(stream, seed)}
    assert len(found) == 1


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 99))
def test_the_text_is_whole_wherever_the_first_broke(text: str, at: int, seed: int) -> None:
    words = [text[i : i + 3] for i in range(0, len(text), 3)]
    stream = b"".join([ROLE, *(delta(content=word) for word in words), STOP, DONE])
    for chunks in cuts(stream, seed):
        given = rest(text[:at], *chunks)
        assert given is not None
        assert given.endswith(STOP + DONE)
        assert text[:at] + fed(given.removesuffix(STOP + DONE)).text == text


KEYS = ["choices", "delta", "content", "text", "index", "finish_reason", "tool_calls", "logprobs"]
ODD = st.recursive(
    st.sampled_from([None, 0, 1, True, "", "He", "Hello", "Hello you"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)
CHOICES = st.fixed_dictionaries({"choices": st.lists(st.none() | ODD, max_size=3)})


@given(st.lists(ODD | CHOICES, max_size=5), st.sampled_from(["", "Hello"]), st.integers(0, 99))
def test_odd_objects_are_no_exceptions(objects: list[object], said: str, seed: int) -> None:
    stream = b"".join(b"data: " + orjson.dumps(odd) + b"\n\n" for odd in objects)
    assert len({rest(said, *chunks) for chunks in cuts(stream, seed)}) == 1
    assert len({(t.text, t.continuable) for t in (fed(*c) for c in cuts(stream, seed))}) == 1


def test_what_is_no_choice_is_left_out_of_a_cut() -> None:
    odd = event(choices=[None, {"index": 0, "delta": {"content": "Hello you"}}])
    assert rest("Hello", odd) == event(choices=[{"index": 0, "delta": {"content": " you"}}])


def test_a_long_event_costs_what_it_is_long() -> None:
    """A picture in base64, in pieces as they come from a socket and byte by byte."""
    long = delta(content="Hello" + "!" * 2_000_000)
    started = time.perf_counter()
    pieces = [long[at : at + 1400] for at in range(0, len(long), 1400)]
    assert rest("Hello", ROLE, *pieces, STOP, DONE) is not None
    short = delta(content="Hello" + "!" * 50_000)
    assert rest("Hello", *(short[at : at + 1] for at in range(len(short))), STOP) is not None
    assert time.perf_counter() - started < 2.0


LONG = "Hello there, old friend"


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_continuation_that_begins_anew_all_the_same_is_noticed(size: int) -> None:
    text = LONG + ", how are you?"
    words = [text[at : at + size] for at in range(0, len(text), size)]
    given = rest(LONG, ROLE, *(delta(content=word) for word in words), STOP, DONE, continues=True)
    assert given is not None
    assert fed(given.removesuffix(STOP + DONE)).text == ", how are you?"


def test_a_continuation_that_only_begins_like_what_was_said_is_one() -> None:
    events = [delta(content="Hello"), delta(content=" again"), STOP, DONE]
    assert rest(LONG, ROLE, *events, continues=True) == b"".join(events)
    begins = delta(content="Hel")
    assert rest(LONG, begins, STOP, DONE, continues=True) == begins + STOP + DONE
    assert rest(LONG, begins, continues=True) == begins
