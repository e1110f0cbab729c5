"""Streams of content in either form: when they get useful, fail, or end without being whole."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.dialects.dialect import StreamReader
from proxy.dialects.gemini.dialect import Gemini
from tests.dialects.gemini.parts import (
    JSON,
    OVERLOADED,
    SSE,
    USED,
    WHOLE,
    answer,
    candidate,
    listed,
    sent,
    text,
)
from tests.dialects.recordings import cuts

DIALECT = Gemini()
Form = Callable[..., bytes]


def fed(*chunks: bytes, headers: dict[str, str] = SSE) -> StreamReader:
    follower = DIALECT.reader(Operation.CHAT, CIMultiDict(headers), True)
    assert follower is not None
    for chunk in chunks:
        follower.feed(chunk)
    return follower


def end_of(body: bytes, headers: dict[str, str]) -> str | None:
    ends = set()
    for pieces in cuts(body, 7):
        failure = fed(*pieces, headers=headers).finish()
        ends.add(failure.kind.value if failure else None)
    assert len(ends) == 1
    return ends.pop()


@pytest.mark.parametrize(
    ("operation", "headers", "streamed", "follows"),
    [
        (Operation.CHAT, SSE, True, True),
        (Operation.CHAT, SSE, False, True),
        (Operation.CHAT, JSON, True, True),
        (Operation.CHAT, {}, True, True),
        (Operation.CHAT, JSON, False, False),
        (Operation.CHAT, {**SSE, "content-encoding": "compress"}, True, False),
        (Operation.EMBEDDINGS, SSE, True, False),
    ],
)
def test_what_is_followed(
    operation: Operation, headers: dict[str, str], streamed: bool, follows: bool
) -> None:
    assert (DIALECT.reader(operation, CIMultiDict(headers), streamed) is not None) is follows


@pytest.mark.parametrize(
    "said",
    [
        text("a"),
        answer(candidate({"text": "hm", "thought": True})),
        answer(candidate({"functionCall": {"name": "f"}})),
        answer(candidate({"inlineData": {}})),
        answer(candidate({"text": ""}, {"text": "b"})),
        text("", "STOP"),
        answer({"finishReason": "SAFETY"}),
    ],
)
def test_useful(said: dict[str, Any]) -> None:
    assert fed(sent(said)).useful
    assert fed(b"[" + orjson.dumps(said), headers=JSON).useful


@pytest.mark.parametrize(
    "said",
    [
        answer(),
        text(""),
        answer(candidate({"text": "", "thoughtSignature": "x"})),
        answer(candidate()),
        answer(candidate("x", None)),
        {"usageMetadata": USED},
        {"candidates": [None, {"content": None}, {"content": {"parts": 5}}]},
        {"candidates": "x"},
        {"promptFeedback": {"safetyRatings": []}},
    ],
)
def test_not_useful_yet(said: dict[str, Any]) -> None:
    for follower in (fed(sent(said)), fed(listed(said)[:-3], headers=JSON)):
        assert not follower.useful
        assert follower.failure is None


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (WHOLE, None),
        (WHOLE[:-1], "broken_stream"),
        ((*WHOLE[:-1], OVERLOADED), "unavailable"),
        ((OVERLOADED,), "unavailable"),
        ((text("a"), text("", "SAFETY")), None),
        (({"promptFeedback": {"blockReason": "SAFETY"}},), None),
        (({"promptFeedback": {"blockReason": ""}},), "broken_stream"),
        ((answer(candidate({"text": "a"}, index=1)), text("b", "STOP")), "broken_stream"),
        ((answer(candidate({"text": "a"}, finish="STOP", index=1)), text("b", "STOP")), None),
        ((), "broken_stream"),
    ],
)
def test_ends(answers: tuple[dict[str, Any], ...], kind: str | None) -> None:
    assert end_of(sent(*answers), SSE) == kind
    assert end_of(sent(*answers), {}) == kind, "a content type that lies"
    assert end_of(listed(*answers), JSON) == kind


@pytest.mark.parametrize(
    ("body", "headers", "kind"),
    [
        (listed(*WHOLE).rstrip()[:-1], JSON, "broken_stream"),
        (orjson.dumps(text("all at once", "STOP")), JSON, None),
        (orjson.dumps(OVERLOADED), JSON, "unavailable"),
        (b"<html>", JSON, "malformed"),
        (b"", JSON, "broken_stream"),
        (orjson.dumps(OVERLOADED), SSE, "unavailable"),
        (
            sent(text("a")) + orjson.dumps(OVERLOADED, option=orjson.OPT_INDENT_2),
            SSE,
            "unavailable",
        ),
        (sent(text("a")) + orjson.dumps(OVERLOADED) + b"\r\n\r\n", SSE, "unavailable"),
        (sent(text("a"), text("", "STOP")) + b"data: {{{\n\n", SSE, None),
    ],
)
def test_odd_ends(body: bytes, headers: dict[str, str], kind: str | None) -> None:
    assert end_of(body, headers) == kind


@pytest.mark.parametrize(("form", "headers"), [(sent, SSE), (listed, JSON)])
def test_usage(form: Form, headers: dict[str, str]) -> None:
    early = text("a", usageMetadata={"promptTokenCount": 5})
    assert fed(form(early), headers=headers).usage == UsageSeen(5, None)
    assert fed(form(early, *WHOLE), headers=headers).usage == UsageSeen(5, 9)


def test_where_an_error_could_be_told() -> None:
    follower = fed(sent(text("a")))
    chunk = sent(text("b"))
    assert follower.boundary(chunk + b"data: ") == len(chunk)
    assert follower.sound(chunk + sent(OVERLOADED)) == len(chunk)
    array = fed(b"[", headers=JSON)
    assert array.boundary(b'{"a": ') == 6, "nowhere: it is passed on as it comes"
    assert array.sound(b'{"error": 1}') == 12


def test_an_item_without_end_is_given_up() -> None:
    follower = fed(b'[{"a": "', headers=JSON)
    for _ in range(9):
        follower.feed(b"x" * 2**20)
    assert follower.failure is not None
    assert follower.failure.kind == "malformed"


@given(st.lists(st.binary(max_size=20) | st.sampled_from(['{"a":[1', '"}', "]", "[", ",", "\\"])))
def test_garbage_is_a_failure_or_nothing(chunks: list[bytes | str]) -> None:
    pieces = [piece.encode() if isinstance(piece, str) else piece for piece in chunks]
    for headers in (SSE, JSON):
        follower = fed(*pieces, headers=headers)
        assert follower.failure is None or isinstance(follower.failure, Failure)
        whole = fed(b"".join(pieces), headers=headers)
        assert (follower.useful, str(follower.finish())) == (whole.useful, str(whole.finish()))
