"""Keys that are like no other word, and where any part of one turns up, however it is spelled."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Canary:
    """A key put in `place`. It looks like no key, so that nobody masks it by its looks."""

    place: str

    @property
    def value(self) -> str:
        return "".join(_LETTERS[byte % 26] for byte in sha256(self.place.encode()).digest()[:24])

    def spellings(self) -> Iterator[bytes]:
        """As it is, either half of it, backwards, in hex, percent-encoded, and in base64 wherever
        in a text it stands. All but base64 in small letters."""
        value = self.value.encode()
        half = len(value) // 2
        yield value[:half]
        yield value[half:]
        yield value[::-1]
        yield value.hex().encode()
        yield "".join(f"%{byte:02x}" for byte in value).encode()
        for before in range(3):
            at = -(-before * 4 // 3)  # the first characters have bits of what stands before
            yield b64encode(bytes(before) + value)[at + 1 : -5]


@dataclass(frozen=True)
class KeyCanary(Canary):
    """One that looks like a key: providers quote those in their errors, where they are masked."""

    @property
    def value(self) -> str:
        return f"sk-proj-{sha256(self.place.encode()).hexdigest()[:32]}"


def found(canaries: Iterable[Canary], text: bytes) -> set[str]:
    """The places of those whose value, or a good part of it, is in `text`."""
    small = text.lower()
    return {
        canary.place
        for canary in canaries
        if any(spelled in small or spelled in text for spelled in canary.spellings())
    }
