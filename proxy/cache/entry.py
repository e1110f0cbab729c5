"""An answer as it is kept."""

from dataclasses import dataclass

_ENTRY_OVERHEAD_BYTES = 500
"""What an entry takes besides its text: key, objects, and the store's own books (measured)."""
_FIELD_OVERHEAD_BYTES = 170
"""What a header field takes besides its characters: two strings and a pair of CPython 3.11."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A whole answer. Times are seconds since the epoch, so that an entry outlives the process.

    `headers` are those fit to be sent again (see `proxy.cache.fields`), `body` is byte for byte
    what the provider sent, compressed or not as `headers` say. `target` made it.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    target: str
    stored_at: float
    keep_until: float

    @property
    def size_bytes(self) -> int:
        """About how much memory the entry takes."""
        fields = sum(len(name) + len(value) for name, value in self.headers)
        overhead = _ENTRY_OVERHEAD_BYTES + _FIELD_OVERHEAD_BYTES * len(self.headers)
        return len(self.body) + fields + overhead

    def age_s(self, wall_s: float) -> float:
        """How old it is at `wall_s`; 0 when the system's clock was put back since."""
        return max(0.0, wall_s - self.stored_at)
