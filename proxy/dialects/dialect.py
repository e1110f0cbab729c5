"""What the rest of the program may ask about a provider's API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers

LONG_WORK_FLOATS = 1 << 16
"""From so many floats on, `Dialect.vectors` takes 5 ms or more: too long for the event loop."""


class Asked(NamedTuple):
    """What a request's body says of itself. `stateful`: something is to be kept by the provider,
    so that asking twice is not the same as asking once."""

    model: str | None = None
    stream: bool = False
    stateful: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error to be told to the app in its own dialect.

    `attempts` has what was tried: mappings of target, kind, status, message, duration_ms.
    """

    status: int
    message: str
    type: str
    code: str
    attempts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Texts:
    """What a request for embeddings wants."""

    texts: tuple[str, ...]
    model: str
    dimensions: int | None = None
    base64: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What a request for text wants, as far as a stand-in must know to answer in its form."""

    operation: Operation
    model: str
    stream: bool = False
    choices: int = 1
    usage_in_stream: bool = False


Judgement = Failure | UsageSeen | None
"""Why an answer is no good; or of a good one, the tokens that it says it took, if it does."""


class StreamReader(Protocol):
    """Follows one streamed answer, fed with its bytes in any chunking. It never changes them.

    Read `useful`, `failure` and `usage` after each `feed`.
    """

    useful: bool
    """The first chunk that is worth something to the app was seen: text, a tool call, thinking, a
    finish reason. Headers and role-only events don't count."""
    failure: Failure | None
    """An error event, or bytes that are no stream of this API. Never leaves None again once set."""
    usage: UsageSeen | None
    done: bool
    """The stream's own end was seen: nothing that comes after it, or does not, matters."""

    @property
    def finished(self) -> bool:
        """All that was begun told why it stopped, or the stream's own end was seen: it is whole,
        however the bytes end."""
        ...

    def feed(self, chunk: bytes) -> None: ...

    def finish(self) -> Failure | None:
        """The bytes have ended cleanly. A `broken_stream` when the stream is not whole."""
        ...

    def boundary(self, chunk: bytes) -> int:
        """How many bytes of `chunk` belong to whole events, given all that `boundary` saw before
        was ended by one; 0 when no event ends in it."""
        ...

    def sound(self, chunk: bytes) -> int:
        """How many bytes of `chunk`, which begins where an event does, come before the provider's
        own error event; all of them where there is none that can be told apart."""
        ...

    def legible(self, chunk: bytes) -> bytes:
        """`chunk`, which is whole events, less those that no client could read. Nearly always it is
        the same bytes."""
        ...


class Teller(Protocol):
    """Follows what the app was given of a streamed answer, fed with its bytes in any chunking."""

    @property
    def text(self) -> str:
        """The text so far. Thinking is none."""
        ...

    @property
    def continuable(self) -> bool:
        """Whether somebody else could go on: it is nothing but the beginning of one text, and was
        given in whole events."""
        ...

    def feed(self, chunk: bytes) -> None: ...


class Seam(Protocol):
    """Where one streamed answer goes on with the text of another, fed with its bytes in any
    chunking. Of what comes before that place nothing is given."""

    through: bool
    """The place was found: all that is fed from here on is given as it is."""
    diverged: bool
    """Its text is another. Nothing was given, and nothing will be."""

    def feed(self, chunk: bytes) -> bytes:
        """The part of `chunk` and what came before it that is new to the app."""
        ...

    def finish(self) -> bytes:
        """The bytes have ended: what is left to give. It has `diverged` if it is not `through`."""
        ...


class Dialect(Protocol):
    """One provider family's API."""

    @property
    def name(self) -> str:
        """The word for it in policy files."""
        ...

    @property
    def credential_headers(self) -> frozenset[str]:
        """Lower-case names of headers that carry who the caller is. They stay with their
        upstream."""
        ...

    @property
    def comment(self) -> bytes:
        """What keeps an app waiting for a stream: an event-stream comment, which it passes over;
        empty where its streams have none."""
        ...

    @property
    def models_path(self) -> str:
        """Where, relative to the upstream's url, a GET lists its models: the cheapest thing to ask.
        Empty where there is no such place."""
        ...

    def recognise(self, method: str, path: str) -> Operation:
        """What `method` on `path` (with query, relative to the upstream's url) asks for."""
        ...

    def read(self, operation: Operation, path: str, body: bytes) -> Asked:
        """What a request with this path (as in `recognise`) and body asks of whom."""
        ...

    def sign(self, api_key: str) -> tuple[tuple[str, str], ...]:
        """The headers that carry an upstream's own key."""
        ...

    def readdress(self, path: str, model: str) -> str:
        """The path (with query, whatever it begins with) of the same request for another model:
        another one where the path names it. `Unfit` where it cannot be changed."""
        ...

    def rewrite(self, body: bytes, model: str | None, changes: Mapping[str, Any]) -> bytes:
        """New bytes of a request for another model, where the body names it, and with other
        settings."""
        ...

    def judge(
        self, operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
    ) -> Judgement:
        """Of a whole answer. A Failure has the provider's wish for when to come back. `body` may be
        still compressed as `headers` say. `wall_s` is now, for dates."""
        ...

    def reader(
        self, operation: Operation, headers: Headers, streamed: bool = False
    ) -> StreamReader | None:
        """Who follows a streamed answer with these headers; None when it is no stream that this
        dialect can follow (then it is relayed as it comes). `streamed`: the request asked for a
        stream, which not every API repeats in its headers."""
        ...

    def whole(self, operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
        """Whether a good answer is one to keep for others: finished, not truncated, no refusal."""
        ...

    def texts(self, body: bytes) -> Texts:
        """The texts that a request for embeddings wants vectors of; `Unfit` where it has none that
        can be had without the provider (token numbers), naming why."""
        ...

    def vectors(
        self, asked: Texts, vectors: Sequence[bytes], model: str, tokens: int, mark: str
    ) -> bytes:
        """The answer to a request for embeddings, with `mark` (who made them) as a field of the
        body. Each of `vectors` is little-endian float32. Of `LONG_WORK_FLOATS` or more, call it in
        a thread."""
        ...

    def question(self, operation: Operation, body: bytes) -> Question:
        """How a stand-in would have to answer; `Unfit` where words alone would be no correct answer
        (tools that must be called, structured output), naming why."""
        ...

    def say(
        self, question: Question, text: str, *, answer_id: str, created_s: int, mark: str
    ) -> tuple[bytes, str]:
        """Body and content type of an answer that says `text`, plain or streamed as asked, with
        `mark` (who made it) as a field of the body."""
        ...

    def error(self, complaint: Complaint) -> tuple[bytes, str]:
        """Body and content type of an error answer."""
        ...

    def error_event(self, kind: FailureKind, message: str) -> bytes:
        """The event that ends a stream with an error; empty when the dialect has none."""
        ...

    def error_in_stream(self, error: bytes) -> bytes:
        """The body of an error answer, one line of JSON, as the event that ends a stream; empty
        where the dialect has no such thing, or no `comment`."""
        ...

    def teller(self, operation: Operation, headers: Headers) -> Teller | None:
        """Who follows the text of a streamed answer with these headers; None where there is no
        text that somebody else could go on with."""
        ...

    def seam(
        self, operation: Operation, headers: Headers, said: str, *, continues: bool
    ) -> Seam | None:
        """Who joins a streamed answer with these headers to one that has `said` so much already;
        it repeats that, unless it `continues`. None where it cannot be looked into."""
        ...

    def prefilled(self, operation: Operation, body: bytes, said: str) -> bytes | None:
        """New bytes of a request for the rest of an answer that begins with `said`; None where
        such a request cannot be made."""
        ...
