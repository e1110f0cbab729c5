"""The dialect of APIs that nobody here reads: relay and resilience, judged by status alone.

It opens no body, follows no stream, and can put no other answer in an answer's place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from proxy.core.call import Operation
from proxy.core.failure import Failure, FailureKind, Unfit
from proxy.core.headers import Headers
from proxy.dialects.credentials import CREDENTIALS
from proxy.dialects.dialect import Asked, Complaint, Judgement, Question, StreamReader, Texts
from proxy.dialects.openai import complaint as told
from proxy.dialects.statuses import kind_of_status
from proxy.dialects.wait import wait_s


@dataclass(frozen=True, slots=True)
class Raw:
    """See the module."""

    name: str = "raw"
    credential_headers: frozenset[str] = CREDENTIALS

    def recognise(self, method: str, path: str) -> Operation:
        return Operation.OTHER

    def read(self, operation: Operation, body: bytes) -> Asked:
        return Asked()

    def sign(self, api_key: str) -> tuple[tuple[str, str], ...]:
        """A bearer token (RFC 6750): what most APIs take. Others are for the policy's `headers`."""
        return (("Authorization", f"Bearer {api_key}"),)

    def rewrite(self, body: bytes, model: str | None, changes: Mapping[str, Any]) -> bytes:
        if model is not None or changes:
            _unfit("cannot ask for another model or other settings")
        return body

    def judge(
        self, operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
    ) -> Judgement:
        if status < 400:
            return None
        return Failure(
            kind_of_status(status),
            f"it answered with status {status}",
            status=status,
            retry_after_s=wait_s(status, headers, "", wall_s),
        )

    def reader(self, operation: Operation, headers: Headers) -> StreamReader | None:
        return None

    def whole(self, operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
        return False

    def texts(self, body: bytes) -> Texts:
        _unfit("has no embeddings")

    def vectors(
        self, asked: Texts, vectors: Sequence[bytes], model: str, tokens: int, mark: str
    ) -> bytes:
        _unfit("has no embeddings")

    def question(self, operation: Operation, body: bytes) -> Question:
        _unfit("has no form of answer for a stand-in")

    def say(
        self, question: Question, text: str, *, answer_id: str, created_s: int, mark: str
    ) -> tuple[bytes, str]:
        _unfit("has no form of answer for a stand-in")

    def error(self, complaint: Complaint) -> tuple[bytes, str]:
        """JSON of the shape that most APIs of this field use: nothing better is known."""
        return told.error(complaint)

    def error_event(self, kind: FailureKind, message: str) -> bytes:
        return b""


def _unfit(what: str) -> NoReturn:
    raise Unfit(f"the dialect raw {what}: it reads no bodies")
