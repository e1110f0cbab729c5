"""Patterns of words, compiled once: `*`, `?` and `[...]` as in file names; case counts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate

_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Globs:
    """Any of some words or patterns. `words` are as written."""

    words: tuple[str, ...]
    any: bool
    exact: frozenset[str]
    pattern: re.Pattern[str] | None

    def match(self, text: str | None) -> bool:
        """Whether any of them fits. An unknown text fits nothing but `*`."""
        if self.any or text in self.exact:
            return True
        if text is None or self.pattern is None:
            return False
        return self.pattern.match(text) is not None


def globs(words: Iterable[str]) -> Globs:
    words = tuple(words)
    magic = [word for word in words if _MAGIC & set(word)]
    return Globs(
        words=words,
        any="*" in words,
        exact=frozenset(word for word in words if not _MAGIC & set(word)),
        pattern=re.compile("|".join(map(translate, magic))) if magic else None,
    )
