"""A message that broke is gone on with in its one text block, and nowhere else."""

from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.dialects.anthropic.dialect import Anthropic
from proxy.dialects.dialect import Teller
from tests.dialects.anthropic.parts import (
    BLOCK_END,
    END,
    HELLO,
    PING,
    SSE,
    START,
    WHOLE,
    begin,
    delta,
    event,
    stop,
    word,
)
from tests.dialects.recordings import cuts

DIALECT = Anthropic()
HEADERS = CIMultiDict(SSE)
TAIL = (BLOCK_END, stop("end_turn", output_tokens=2), END)


def told(*chunks: bytes) -> Teller:
    teller = DIALECT.teller(Operation.CHAT, HEADERS)
    assert teller is not None
    for chunk in chunks:
        teller.feed(chunk)
    return teller


def rest(said: str, *chunks: bytes, continues: bool = False) -> bytes | None:
    """What the app is given; None where the text is another."""
    seam = DIALECT.seam(Operation.CHAT, HEADERS, said, continues=continues)
    assert seam is not None
    given = b"".join(map(seam.feed, chunks)) + seam.finish()
    return given if seam.through else None


def test_text_so_far() -> None:
    for pieces in cuts(b"".join(HELLO), 5):
        assert told(*pieces).text == "Hello world"
        assert told(*pieces).continuable
    assert told(START).text == ""
    assert not told(*HELLO[:-1], HELLO[-1][:-1]).continuable


@pytest.mark.parametrize(
    "chunk",
    [
        begin("tool_use", index=1, id="t"),
        begin("thinking", thinking=""),
        begin(index=1),
        word("more", index=1),
        delta(type="citations_delta", citation={}),
        BLOCK_END,
        stop("end_turn"),
        END,
    ],
)
def test_more_than_one_text_is_not_gone_on_with(chunk: bytes) -> None:
    assert not told(*HELLO, chunk).continuable


@pytest.mark.parametrize(
    ("headers", "operation"),
    [
        ({"content-type": "application/json"}, Operation.CHAT),
        ({**SSE, "content-encoding": "gzip"}, Operation.CHAT),
        (SSE, Operation.OTHER),
    ],
)
def test_what_cannot_be_joined(headers: dict[str, str], operation: Operation) -> None:
    fields = CIMultiDict(headers)
    assert DIALECT.teller(operation, fields) is None
    assert DIALECT.seam(operation, fields, "x", continues=True) is None


def test_what_was_said_is_dropped() -> None:
    assert rest("Hello", *WHOLE) == b"".join((word(" world"), *TAIL))
    assert rest("Hello world", *WHOLE) == b"".join(TAIL)
    assert rest("Hell", *WHOLE) == b"".join((word("o"), word(" world"), *TAIL))
    assert rest("Hey", *WHOLE) is None


def test_what_continues_is_given_from_its_first_word() -> None:
    more = (START, begin(), PING, word(" again"), *TAIL)
    assert rest("Hello world", *more, continues=True) == b"".join((word(" again"), *TAIL))


@pytest.mark.parametrize(
    "chunk", [begin("thinking", thinking=""), begin("tool_use", id="t"), word("Hello", index=1)]
)
def test_another_kind_of_answer_is_not_joined(chunk: bytes) -> None:
    assert rest("Hello", START, chunk, *WHOLE[1:]) is None


def test_old_completions() -> None:
    one = event("completion", completion="Hello", stop_reason=None)
    two = event("completion", completion=" world", stop_reason=None)
    end = event("completion", completion="", stop_reason="stop_sequence")
    assert told(one, PING, two).text == "Hello world"
    assert told(one).continuable
    assert not told(one, end).continuable
    given = rest("Hell", one, two, end)
    assert given is not None
    assert told(given.removesuffix(end)).text == "o world"


def asked(**fields: Any) -> bytes:
    return orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields})


USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("body", "said", "messages"),
    [
        (asked(), "Hel", [USER, {"role": "assistant", "content": "Hel"}]),
        (
            asked(messages=[USER, {"role": "assistant", "content": "{"}]),
            '"a"',
            [USER, {"role": "assistant", "content": '{"a"'}],
        ),
        (asked(thinking={"type": "disabled"}), "a", [USER, {"role": "assistant", "content": "a"}]),
        (asked(), "Hel ", None),
        (asked(), "", None),
        (asked(thinking={"type": "enabled"}), "a", None),
        (asked(messages=[USER, {"role": "assistant", "content": [{"text": "a"}]}]), "b", None),
        (asked(messages=[]), "a", None),
        (asked(messages=["?"]), "a", None),
        (b"{", "a", None),
    ],
)
def test_prefilled(body: bytes, said: str, messages: list[Any] | None) -> None:
    changed = DIALECT.prefilled(Operation.CHAT, body, said)
    assert (changed and orjson.loads(changed)["messages"]) == messages


def test_prefilled_completions() -> None:
    changed = DIALECT.prefilled(Operation.COMPLETIONS, b'{"prompt":"\\n\\nAssistant:"}', " a")
    assert changed is not None
    assert orjson.loads(changed)["prompt"] == "\n\nAssistant: a"
    assert DIALECT.prefilled(Operation.COUNT_TOKENS, asked(), "a") is None
