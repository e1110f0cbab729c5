"""A captured request: everything a handler may know of it, and nothing it may change."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import Any, NamedTuple

from proxy.core.headers import Headers
from proxy.core.journal import Journal


class Operation(StrEnum):
    """What a request asks for, in the words of policy files and metrics."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    COUNT_TOKENS = "count_tokens"
    RERANK = "rerank"
    MODERATIONS = "moderations"
    MODELS = "models"
    OTHER = "other"


class Face(StrEnum):
    """By which way in a request came."""

    BASE_URL = "base_url"
    HTTP_PROXY = "http_proxy"
    HTTPS_PROXY = "https_proxy"
    TRANSPARENT = "transparent"


@dataclass(frozen=True, slots=True)
class Trace:
    """A W3C trace context: where spans of this call belong. Present only when someone records."""

    trace_id: int
    span_id: int
    sampled: bool
    parent_id: int | None = None

    def header(self) -> str:
        """The `traceparent` that makes this span the parent of what follows.

        https://www.w3.org/TR/trace-context/#traceparent-header, version 00.
        """
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{'01' if self.sampled else '00'}"


_REPEATABLE = frozenset(Operation) - {Operation.OTHER}
"""They only compute an answer. Others make files, jobs, threads: twice, if they are asked twice."""
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class Call(NamedTuple):
    """One request of the application. (A named tuple: made for every request, see `event`.)

    `path` is the path and query to ask of `upstream`'s host, byte for byte as the app spelled them.
    `body` is what was read of the request's body: all of it, unless `rest` brings the remainder of
    one too large to keep, which can be sent once only.

    `begin_by` and `end_by` are times of `Clock.now`: the answer has to begin, and to be whole, by
    then. `said` is text that the app was given of a stream that broke: what is asked for is the
    rest. Who must `insist` is let through an open breaker: nobody else is left to ask.
    A `stateful` request has the provider keep something, beside its answer. An app of HTTP/1.0
    takes no `chunks`: it can be sent nothing before an answer's head. `upgrade` is the protocol
    that the app asks to go on with on this connection (websocket); empty for all but a few.
    `interim` is told of interim answers (1xx), which go to the app before the answer; None where it
    takes none.
    """

    id: str
    method: str
    upstream: str
    path: str
    headers: Headers
    body: bytes
    face: Face
    dialect: str
    operation: Operation
    model: str | None
    stream: bool
    journal: Journal
    rest: AsyncIterator[bytes] | None = None
    trace: Trace | None = None
    begin_by: float = inf
    end_by: float = inf
    said: str = ""
    insist: bool = False
    stateful: bool = False
    chunks: bool = True
    upgrade: str = ""
    interim: Callable[[int, Headers], None] | None = None

    def __repr__(self) -> str:  # neither keys nor bodies get into a log by accident
        return f"Call({self.id}, {self.method} {self.operation} of {self.upstream})"

    @property
    def repeatable(self) -> bool:
        """Whether a provider that may have acted on it can be asked again (RFC 9110 9.2.2).

        True for methods without effect, and for operations that only compute an answer.
        """
        return self.rest is None and (
            self.method in _SAFE_METHODS or (self.operation in _REPEATABLE and not self.stateful)
        )

    def under(self, span_id: int) -> "Call":
        """This call as one attempt sends it: in the trace, `span_id` is the parent from here on."""
        if self.trace is None:
            return self
        return self._replace(trace=replace(self.trace, span_id=span_id))

    def but(self, **changes: Any) -> "Call":
        """This call with some fields changed; the call itself stays as it is."""
        return self._replace(**changes)
