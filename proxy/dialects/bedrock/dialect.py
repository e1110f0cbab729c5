"""The sum of this folder: Bedrock's runtime as the rest of the program asks about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import FailureKind, Unfit
from proxy.core.headers import Headers
from proxy.dialects.bedrock import answer, paths, stream
from proxy.dialects.bedrock import complaint as told
from proxy.dialects.credentials import CREDENTIALS
from proxy.dialects.dialect import Asked, Complaint, Judgement, StreamReader
from proxy.dialects.silent import Silent
from proxy.dialects.unjoined import Unjoined


@dataclass(frozen=True, slots=True)
class Bedrock(Silent, Unjoined):
    """See `proxy.dialects.dialect.Dialect` for what each method promises."""

    name: str = "bedrock"
    credential_headers: frozenset[str] = CREDENTIALS
    models_path: str = ""

    def recognise(self, method: str, path: str) -> Operation:
        return paths.recognise(method, path)

    def read(self, operation: Operation, path: str, body: bytes) -> Asked:
        """Both are told by the path alone."""
        asked = paths.asked_by(path)
        return Asked() if asked is None else Asked(asked.model, asked.stream)

    def readdress(self, path: str, model: str) -> str:
        asked = paths.asked_by(path)
        if asked is None or asked.model != model:
            raise Unfit("a signed request cannot ask Bedrock for another model")
        return path

    def sign(self, api_key: str) -> tuple[tuple[str, str], ...]:
        """A Bedrock API key, which stands in for a signature (docs.aws.amazon.com/bedrock/latest/
        userguide/api-keys-use.html)."""
        return (("Authorization", f"Bearer {api_key}"),)

    def rewrite(self, body: bytes, model: str | None, changes: Mapping[str, Any]) -> bytes:
        if model is not None or changes:
            raise Unfit("a signed request cannot ask Bedrock for another model or other settings")
        return body

    def judge(
        self, operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
    ) -> Judgement:
        return answer.judge(operation, status, headers, body, wall_s)

    def reader(
        self, operation: Operation, headers: Headers, streamed: bool = False
    ) -> StreamReader | None:
        return stream.reader(operation, headers)

    def whole(self, operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
        """Each family of models finishes in words of its own: nothing is kept."""
        return False

    def error(self, complaint: Complaint) -> tuple[bytes, str]:
        return told.error(complaint)

    def error_event(self, kind: FailureKind, message: str) -> bytes:
        return told.error_event(kind, message)
