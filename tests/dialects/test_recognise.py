"""Dialects are found by name."""

from typing import get_args

import pytest

from proxy.dialects.dialect import Dialect
from proxy.dialects.recognise import NAMES, dialect_named
from proxy.policy import schema


def test_by_name() -> None:
    found: tuple[Dialect, ...] = tuple(dialect_named(name) for name in NAMES)
    assert tuple(dialect.name for dialect in found) == NAMES
    assert len(set(map(type, found))) == len(NAMES)


def test_policies_know_every_dialect_and_no_other() -> None:
    assert get_args(schema.Dialect) == NAMES


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"openai, anthropic, .*raw"):
        dialect_named("opneai")
