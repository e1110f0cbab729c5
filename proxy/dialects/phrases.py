"""Words of providers that mean a kind of failure, for where neither a code nor a type tells."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from proxy.core.failure import FailureKind


class Phrase(NamedTuple):
    """Words that mean a kind, when they come with one of some statuses."""

    statuses: tuple[int, ...]
    words: re.Pattern[str]
    kind: FailureKind


def phrase(statuses: tuple[int, ...], words: str, kind: FailureKind) -> Phrase:
    return Phrase(statuses, re.compile(words, re.IGNORECASE), kind)


def kind_by(phrases: Iterable[Phrase], message: str, status: int | None) -> FailureKind | None:
    """The kind of the first phrase that fits; None where none does. An error without any status
    (`status` is None) fits by its words alone."""
    for one in phrases:
        if (status is None or status in one.statuses) and one.words.search(message):
            return one.kind
    return None
