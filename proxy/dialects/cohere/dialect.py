"""The sum of this folder: Cohere's API as the rest of the program asks about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import FailureKind
from proxy.core.headers import Headers
from proxy.dialects.cohere import answer, keep, paths, stream
from proxy.dialects.cohere import complaint as told
from proxy.dialects.credentials import CREDENTIALS
from proxy.dialects.dialect import Asked, Complaint, Judgement, StreamReader
from proxy.dialects.openai import asked
from proxy.dialects.silent import Silent
from proxy.dialects.unjoined import Unjoined


@dataclass(frozen=True, slots=True)
class Cohere(Silent, Unjoined):
    """See `proxy.dialects.dialect.Dialect` for what each method promises."""

    name: str = "cohere"
    credential_headers: frozenset[str] = CREDENTIALS
    models_path: str = "/v1/models"

    def recognise(self, method: str, path: str) -> Operation:
        return paths.recognise(method, path)

    def read(self, operation: Operation, path: str, body: bytes) -> Asked:
        return asked.read(body)

    def readdress(self, path: str, model: str) -> str:
        return path

    def sign(self, api_key: str) -> tuple[tuple[str, str], ...]:
        return (("Authorization", f"Bearer {api_key}"),)

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

    def error(self, complaint: Complaint) -> tuple[bytes, str]:
        return told.error(complaint)

    def error_event(self, kind: FailureKind, message: str) -> bytes:
        return told.error_event(kind, message)
