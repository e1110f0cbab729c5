"""The sum of this folder: OpenAI's API as the rest of the program asks about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import FailureKind
from proxy.core.headers import Headers
from proxy.dialects.credentials import CREDENTIALS
from proxy.dialects.dialect import (
    Asked,
    Complaint,
    Judgement,
    Question,
    Seam,
    StreamReader,
    Teller,
    Texts,
)
from proxy.dialects.frames import WAITING
from proxy.dialects.openai import (
    answer,
    asked,
    embeddings,
    keep,
    paths,
    prefill,
    question,
    say,
    seam,
    stream,
    teller,
)
from proxy.dialects.openai import complaint as told


@dataclass(frozen=True, slots=True)
class OpenAI:
    """See `proxy.dialects.dialect.Dialect` for what each method promises."""

    name: str = "openai"
    credential_headers: frozenset[str] = CREDENTIALS
    comment: bytes = WAITING
    models_path: str = "/v1/models"

    def recognise(self, method: str, path: str) -> Operation:
        return paths.recognise(method, path)

    def read(self, operation: Operation, path: str, body: bytes) -> Asked:
        return asked.read(body, operation)

    def sign(self, api_key: str) -> tuple[tuple[str, str], ...]:
        return (("Authorization", f"Bearer {api_key}"),)

    def readdress(self, path: str, model: str) -> str:
        return path  # the body names the model

    def rewrite(self, body: bytes, model: str | None, changes: Mapping[str, Any]) -> bytes:
        return asked.rewrite(body, model, changes)

    def judge(
        self, operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
    ) -> Judgement:
        return answer.judge(operation, status, headers, body, wall_s)

    def reader(
        self, operation: Operation, headers: Headers, streamed: bool = False
    ) -> StreamReader | None:
        return stream.reader(operation, headers)

    def whole(self, operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
        return keep.whole(operation, headers, body, streamed)

    def texts(self, body: bytes) -> Texts:
        return embeddings.texts(body)

    def vectors(
        self, asked: Texts, vectors: Sequence[bytes], model: str, tokens: int, mark: str
    ) -> bytes:
        return embeddings.vectors(asked, vectors, model, tokens, mark)

    def question(self, operation: Operation, body: bytes) -> Question:
        return question.question(operation, body)

    def say(
        self, question: Question, text: str, *, answer_id: str, created_s: int, mark: str
    ) -> tuple[bytes, str]:
        return say.say(question, text, answer_id, created_s, mark)

    def error(self, complaint: Complaint) -> tuple[bytes, str]:
        return told.error(complaint)

    def error_event(self, kind: FailureKind, message: str) -> bytes:
        return told.error_event(kind, message)

    def error_in_stream(self, error: bytes) -> bytes:
        return told.error_in_stream(error)

    def teller(self, operation: Operation, headers: Headers) -> Teller | None:
        return teller.teller(operation, headers)

    def seam(
        self, operation: Operation, headers: Headers, said: str, *, continues: bool
    ) -> Seam | None:
        return seam.seam(operation, headers, said, continues=continues)

    def prefilled(self, operation: Operation, body: bytes, said: str) -> bytes | None:
        return prefill.prefilled(operation, body, said)
