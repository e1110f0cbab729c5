"""What there is to say, whatever the provider: answers in pieces, and what it complains of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Trouble(StrEnum):
    """Why a provider does not answer, where it says so. Each family has its own words for it."""

    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    WRONG_KEY = "wrong_key"
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    PREFILL = "prefill"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer in pieces: of a stream its events, the first of which says nothing yet, the
    others a word each and then its end; of a plain answer as many slices. `chunked` tells how the
    other side knows the end."""

    content_type: str
    pieces: tuple[bytes, ...]
    chunked: bool

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.pieces))


class Speech(Protocol):
    """One provider family's way to say things. `said` is the request's body, as JSON."""

    def answer(self, target: str, said: Any, text: str) -> Answer:
        """What a healthy provider answers to anything that it is asked: `text` where it is asked
        for text, plain or streamed. A conversation that ends with the beginning of `text` in the
        assistant's mouth gets the rest of it."""
        ...

    def prefill(self, said: Any) -> str:
        """The beginning of the answer that the question puts into the assistant's mouth; mostly
        none."""
        ...

    def status(self, trouble: Trouble) -> int: ...

    def error(self, trouble: Trouble, detail: str = "") -> bytes:
        """The body of an error. `detail` goes into its message."""
        ...

    def error_event(self, trouble: Trouble) -> bytes:
        """What a stream says that has failed after it began."""
        ...


def words(text: str) -> tuple[str, ...]:
    """`text` cut before each space."""
    first, *others = text.split(" ")
    return first, *(f" {word}" for word in others)


def sliced(content_type: str, body: bytes) -> Answer:
    """A plain answer of a known length, in five slices."""
    step = max(1, -(-len(body) // 5))
    pieces = tuple(body[at : at + step] for at in range(0, len(body), step))
    return Answer(content_type, pieces, chunked=False)


def rest_of(text: str, prefill: str) -> str:
    """What is left to say after `prefill`; all of it where that is not how it begins."""
    return text.removeprefix(prefill) if text.startswith(prefill) else text
