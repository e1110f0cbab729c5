"""Answers kept in this process, bounded in bytes."""

from operator import attrgetter

from cachetools import LRUCache

from proxy.cache.entry import Entry
from proxy.cache.store import StoreStats
from proxy.core.clock import Clock

MEMORY_LIMIT_BYTES = 64 * 1024 * 1024
"""Some 17,000 answers of a page of text; together with the idle process, it stays well under the
256 MiB that small containers have."""
ENTRY_LIMIT_BYTES = 4 * 1024 * 1024
"""A sixteenth of the store, so that no single answer empties it; vectors for 100 texts fit in."""


class MemoryStore:
    """A `Store` that forgets what was used longest ago.

    On LRUCache rather than on cachetools' timed ones, which cost a microsecond more a look. What is
    past its time goes when it is asked for, or when its room is needed.
    """

    __slots__ = ("_clock", "_entries", "entry_limit_bytes")

    def __init__(
        self,
        clock: Clock,
        limit_bytes: int = MEMORY_LIMIT_BYTES,
        entry_limit_bytes: int = ENTRY_LIMIT_BYTES,
    ) -> None:
        self.entry_limit_bytes = min(entry_limit_bytes, limit_bytes)
        self._clock = clock
        self._entries: LRUCache[bytes, Entry] = LRUCache(
            limit_bytes, getsizeof=attrgetter("size_bytes")
        )

    async def get(self, key: bytes) -> Entry | None:
        entry = self._entries.get(key)
        if entry is not None and self._clock.wall() >= entry.keep_until:
            del self._entries[key]
            return None
        return entry

    def put(self, key: bytes, entry: Entry) -> bool:
        if entry.size_bytes > self.entry_limit_bytes:
            return False
        self._entries[key] = entry
        return True

    async def clear(self) -> int:
        count = len(self._entries)
        self._entries.clear()
        return count

    def stats(self) -> StoreStats:
        return StoreStats(
            entries=len(self._entries),
            size_bytes=int(self._entries.currsize),
            limit_bytes=int(self._entries.maxsize),
        )
