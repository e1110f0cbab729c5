"""Whatever a file holds, loading it gives a snapshot or a PolicyError, and nothing else."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from proxy.policy.complaint import Complaint, PolicyError
from proxy.policy.document import Source
from proxy.policy.load import load
from proxy.policy.schema import PolicyFile

WORDS = sorted({
    *PolicyFile.model_fields,
    *("dialect", "url", "hosts", "api_key", "headers", "models", "name", "match", "strategy"),
    *("targets", "cache", "last_resort", "upstream", "operation", "model", "set", "on", "local"),
    *("openai", "raw", "http://x", "5s", "all", "${A}", "${B:-x}", "$${", "${", "mock", "chat"),
})  # fmt: skip
word = some.sampled_from(WORDS) | some.text(max_size=5)
scalar = word | some.none() | some.booleans() | some.integers() | some.floats()
value: Any = some.recursive(
    scalar,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(word, inner, max_size=6),
    max_leaves=40,
)
fragment = some.sampled_from([
    *("[", "]", "{", "}", ": ", ", ", "\n", "\n  ", "\n- ", "- ", "#"),
    *("'", '"', '"""', "&a ", "*a "),
    *("!", "|", ">", "<<", "? ", "%", "---\n", "="),
    *("[[", "]]", "\r\n", "\t", "\\", "\ud800", "\x00"),
    *("version: 1\n", "version = 1\n", "1e999", "nan", "2020-01-01", "0x"),
    *WORDS,
])  # fmt: skip


def attempt(text: str) -> None:
    for suffix in ("yaml", "toml"):
        for complaint in complaints(Source(f"a.{suffix}", text)):
            assert complaint.line >= 1
            assert complaint.column >= 1
            assert str(complaint).isprintable()


def complaints(source: Source) -> tuple[Complaint, ...]:
    try:
        load([source], {"A": "x"})
    except PolicyError as error:
        return error.complaints
    return ()


@settings(max_examples=300, deadline=None)
@given(some.text() | some.lists(fragment, max_size=30).map("".join))
def test_any_text(text: str) -> None:
    attempt(text)


@settings(max_examples=300, deadline=None)
@given(value | some.dictionaries(some.sampled_from(sorted(PolicyFile.model_fields)), value))
def test_any_values(value: Any) -> None:
    attempt(json.dumps(value))


@settings(max_examples=200, deadline=None)
@given(some.data())
def test_a_good_file_with_a_piece_missing(data: some.DataObject) -> None:
    from tests.policy.test_snapshot import FULL
    from tests.policy.test_toml import TEXT

    text = data.draw(some.sampled_from([FULL, TEXT]))
    begin = data.draw(some.integers(0, len(text)))
    end = data.draw(some.integers(begin, min(len(text), begin + 20)))
    attempt(text[:begin] + data.draw(fragment) + text[end:])
