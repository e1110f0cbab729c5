"""How this proxy signs what it sends on, and knows what it has signed before (RFC 9110 7.6.3).

Via: 1.1 understudy (5f3a9c1e)          of requests: which of all Understudies it was
Via: 1.1 understudy                     of answers
"""

import re
from dataclasses import dataclass, field
from typing import Self

from proxy.core.clock import Dice

NAME = "understudy"

MOST = 8
"""So many other Understudies may have passed a request on. A sidecar before a gateway are two; more
than a handful are going round in a circle that is larger than one of them."""

_ENTRY = re.compile(r"(?:[^\s/,()]+/)?[^\s/,()]+[ \t]+([^\s,()]+)[ \t]*(\(.*\))?", re.DOTALL)
_ID = re.compile(r"\(([0-9a-f]{8})\)")


@dataclass(frozen=True, slots=True)
class Signature:
    """That of one process; `id` is 8 hexadecimal digits.

    `of_1_1` and `of_1_0` sign a request that came in that version of HTTP.
    """

    id: str
    of_1_1: str = field(init=False, repr=False)
    of_1_0: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "of_1_1", f"1.1 {NAME} ({self.id})")
        object.__setattr__(self, "of_1_0", f"1.0 {NAME} ({self.id})")

    @classmethod
    def of(cls, dice: Dice) -> Self:
        return cls(f"{dice.bits(32):08x}")

    def loop(self, values: list[str]) -> str:
        """Why a request with these values of `Via` is going round; empty where it is not.

        One of us without an id (comments may be left out on the way) is taken for this process: a
        chain that loses them is told so, rather than a circle left to turn.
        """
        others = 0
        for entry in _entries(",".join(values)):
            parts = _ENTRY.fullmatch(entry)
            if parts is None or parts[1].lower() != NAME:
                continue
            named = _ID.fullmatch(parts[2] or "")
            if named is None or named[1] == self.id:
                return "this request went through this proxy before: it would go round forever"
            others += 1
        if others > MOST:
            return f"this request went through {others} other Understudies: it goes round"
        return ""


def _entries(text: str) -> list[str]:
    """The parts of a list; a comma within a comment, which may hold others and quoted pairs, parts
    nothing (RFC 9110 5.6.5)."""
    entries, depth, begin, at = [], 0, 0, 0
    while at < len(text):
        match text[at]:
            case "\\" if depth:
                at += 1
            case "(":
                depth += 1
            case ")":
                depth = max(0, depth - 1)
            case "," if not depth:
                entries.append(text[begin:at].strip())
                begin = at + 1
        at += 1
    return [*entries, text[begin:].strip()]
