"""What every place that keeps answers can do."""

from dataclasses import dataclass
from typing import Protocol

from proxy.cache.entry import Entry


@dataclass(frozen=True, slots=True)
class StoreStats:
    """How full a store is. How often it helped is told by the calls' own `CacheLooked`."""

    entries: int
    size_bytes: int
    limit_bytes: int


class Store(Protocol):
    """Keeps entries by key, within a bound, until their `keep_until`.

    None of its methods raises: a store that is out of order has nothing and takes nothing.
    """

    entry_limit_bytes: int
    """Larger bodies are not worth collecting: they would not be taken."""

    async def get(self, key: bytes) -> Entry | None:
        """The entry of `key`, also one past its freshness; None when there is none."""
        ...

    def put(self, key: bytes, entry: Entry) -> bool:
        """Take `entry` in, in place of the one before; whether it will be kept.

        Called where an answer ends, which must not wait: a store that has to wait for a disk or a
        network copies the entry to a writer of its own.
        """
        ...

    async def clear(self) -> int:
        """Forget everything; how many entries there were."""
        ...

    def stats(self) -> StoreStats: ...
