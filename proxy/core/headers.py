"""Header fields as every room sees them: many values a name, names without case, order kept."""

from collections.abc import Iterable
from typing import Protocol


class Headers(Protocol):
    """The part of `multidict.CIMultiDict` and its read-only proxy that rooms may rely on."""

    def get(self, key: str) -> str | None:
        """The first value of `key`, or None."""
        ...

    def getall(self, key: str, default: list[str]) -> list[str]: ...

    def items(self) -> Iterable[tuple[str, str]]:
        """Every field, in the order received, repeated names included."""
        ...

    def __contains__(self, key: object) -> bool: ...
