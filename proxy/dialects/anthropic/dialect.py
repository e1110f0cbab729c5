"""The sum of this folder: Anthropic's API as the rest of the program asks about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import FailureKind
from proxy.core.headers import Headers
from proxy.dialects.anthropic import answer, asked, joining, keep, paths, stream
from proxy.dialects.anthropic import complaint as told
from proxy.dialects.credentials import CREDENTIALS
from proxy.dialects.dialect import Asked, Complaint, Judgement, Seam, StreamReader, Teller
from proxy.dialects.frames import WAITING
from proxy.dialects.silent import Silent

_VERSION = "2023-06-01"
"""The one there is (https://docs.claude.com/en/api/versioning). An upstream gets it with our key,
because the app's own goes to its own upstream only."""


@dataclass(frozen=True, slots=True)
class Anthropic(Silent):
    """See `proxy.dialects.dialect.Dialect` for what each method promises."""

    name: str = "anthropic"
    credential_headers: frozenset[str] = CREDENTIALS
    comment: bytes = WAITING
    models_path: str = "/v1/models"

    def recognise(self, method: str, path: str) -> Operation:
        return paths.recognise(method, path)

    def read(self, operation: Operation, path: str, body: bytes) -> Asked:
        return paths.read(path, body)

    def sign(self, api_key: str) -> tuple[tuple[str, str], ...]:
        return (("x-api-key", api_key), ("anthropic-version", _VERSION))

    def readdress(self, path: str, model: str) -> str:
        return paths.readdress(path, model)

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

    def error_in_stream(self, error: bytes) -> bytes:
        return told.error_in_stream(error)

    def teller(self, operation: Operation, headers: Headers) -> Teller | None:
        return joining.teller(operation, headers)

    def seam(
        self, operation: Operation, headers: Headers, said: str, *, continues: bool
    ) -> Seam | None:
        return joining.seam(operation, headers, said, continues=continues)

    def prefilled(self, operation: Operation, body: bytes, said: str) -> bytes | None:
        return joining.prefilled(operation, body, said)
