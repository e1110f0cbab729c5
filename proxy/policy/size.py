"""Sizes: `64KiB`, `8MiB`, `1GiB`."""

import re
from typing import Final

from proxy.policy.words import wrong

_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
SIZE_PATTERN: Final = r"^[0-9]{1,7}(KiB|MiB|GiB)$"
_SIZE = re.compile(SIZE_PATTERN)

REPLAY_LEAST, REPLAY_MOST = 64 * 2**10, 2**30
"""Of a request's body that is kept to be sent again. Less than the first is less than many a
conversation; more than the second is more than a machine has for each of several calls."""


def size_bytes(text: str) -> int | None:
    """Bytes of `64KiB`, `8MiB` or `1GiB`; None of anything else."""
    if not _SIZE.fullmatch(text):
        return None
    return int(text[:-3]) * _UNITS[text[-3:]]


def spell_size(size: int) -> str:
    """`size` as a policy file would say it: in the largest unit that needs no fraction."""
    for unit in ("GiB", "MiB", "KiB"):
        if size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return f"{size} bytes"


def replay_bytes(value: object) -> int:
    """A size between `REPLAY_LEAST` and `REPLAY_MOST`. Code may give it as a number of bytes."""
    size = size_bytes(value) if isinstance(value, str) else value
    if type(size) is not int:
        raise wrong("is no size", "write a number and a unit, like 64KiB or 8MiB", quote=True)
    if not REPLAY_LEAST <= size <= REPLAY_MOST:
        bounds = f"write {spell_size(REPLAY_LEAST)} to {spell_size(REPLAY_MOST)}"
        raise wrong("is out of bounds", bounds, quote=True)
    return size
