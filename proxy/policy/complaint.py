"""What is wrong with a policy set, said to the person who wrote it."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_LONGEST_QUOTE = 60  # of the user's own words: enough to find them again, and one line stays one


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """One mistake: where (line and column count from 1), what, and what would be right.

    Sorts by place. Never holds a key; a wrong value that a variable gave is shown as `${NAME}`.
    """

    path: str
    line: int
    column: int
    wrong: str
    right: str

    def __str__(self) -> str:
        return printable(f"{self.path}:{self.line}:{self.column}: {self.wrong}; {self.right}")


class PolicyError(Exception):
    """A policy set is not fit for use. `complaints` has every mistake of all its files, sorted."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(sorted(set(complaints)))
        super().__init__(self.complaints)

    def __str__(self) -> str:
        return "\n".join(str(complaint) for complaint in self.complaints)


def printable(text: str) -> str:
    """`text` on one line that any terminal can show: other characters as Python escapes."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def cut(text: str) -> str:
    """`text`, or the beginning of a long one."""
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 3] + "..."


def nearest(word: str, allowed: Iterable[str], otherwise: str) -> str:
    """What would be right in the place of `word`: the nearest allowed one, or all of them."""
    allowed = tuple(allowed)
    close = get_close_matches(word, allowed, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"{otherwise}: {', '.join(allowed)}" if allowed else f"{otherwise}: nothing"
