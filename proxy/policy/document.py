"""A policy file as it was read: plain JSON values, and where each of them stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from proxy.policy.complaint import Complaint, cut

KeyPath = tuple[str | int, ...]
"""Keys and list indices, from the top of a file down to a value."""


MAX_DEPTH = 32  # of values in values: a policy needs 8; far deeper only wears out the stack


@dataclass(frozen=True, slots=True)
class Source:
    """A policy file's path, as shown to people, and its text."""

    path: str
    text: str


class Position(NamedTuple):
    """Counted from 1, in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Tree:
    """What a reader made of a file. `keys` and `values` say where each key and value begins.

    `refused` are the places of values that were complained of already.
    """

    value: Any
    keys: Mapping[KeyPath, Position]
    values: Mapping[KeyPath, Position]
    refused: frozenset[KeyPath]


@dataclass(frozen=True, slots=True)
class Document:
    """A file with its variables filled in.

    `raw` has the texts that variables were filled into, as written; `unset` has the variables that
    an api_key lacks; `refused` the places of values that were complained of already.
    """

    path: str
    tree: Tree
    value: Mapping[str, Any]
    raw: Mapping[KeyPath, str]
    unset: Mapping[KeyPath, str]
    refused: frozenset[KeyPath]

    def complain(
        self, place: KeyPath, wrong: str, right: str, *, at_key: bool = False
    ) -> Complaint:
        """A complaint about the value at `place` or its key, or about the nearest thing around."""
        first, second = self.tree.values, self.tree.keys
        if at_key:
            first, second = second, first
        for path in _outwards(place):
            position = first.get(path) or second.get(path)
            if position is not None:
                return Complaint(self.path, position.line, position.column, wrong, right)
        return Complaint(self.path, 1, 1, wrong, right)

    def quoted(self, place: KeyPath, value: Any) -> str:
        """`value` for the eye, never with what a variable or a secret key holds."""
        raw = next((self.raw[path] for path in _outwards(place) if path in self.raw), None)
        if raw is not None:
            return f"'{cut(raw)}' (filled in)"
        if "api_key" in place or "headers" in place:
            return "this value"
        if isinstance(value, str):
            return f"'{cut(value)}'"
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None:
            return "nothing"
        if isinstance(value, int | float):
            return cut(repr(value))
        return "a mapping" if isinstance(value, Mapping) else "a list"

    def settled(self, place: KeyPath) -> bool:
        """Whether the value there, or one around it, was complained of already."""
        return any(path in self.refused for path in _outwards(place))

    def line(self, place: KeyPath) -> int:
        return self.complain(place, "", "", at_key=True).line


def _outwards(path: KeyPath) -> Iterator[KeyPath]:
    for length in range(len(path), -1, -1):
        yield path[:length]
