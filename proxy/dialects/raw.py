"""The dialect of APIs that nobody here reads: relay and resilience, judged by status alone.

It opens no body, follows no stream, and can put no other answer in an answer's place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.dialects.credentials import CREDENTIALS
from proxy.dialects.dialect import Asked, Complaint, Judgement, StreamReader
from proxy.dialects.errors import should_retry
from proxy.dialects.openai import complaint as told
from proxy.dialects.silent import Silent
from proxy.dialects.statuses import kind_of_status
from proxy.dialects.unjoined import Unjoined
from proxy.dialects.wait import wait_s


@dataclass(frozen=True, slots=True)
class Raw(Silent, Unjoined):
    """See the module."""

    name: str = "raw"
    credential_headers: frozenset[str] = CREDENTIALS
    models_path: str = ""

    def recognise(self, method: str, path: str) -> Operation:
        return Operation.OTHER

    def read(self, operation: Operation, path: str, body: bytes) -> Asked:
        return Asked()

    def sign(self, api_key: str) -> tuple[tuple[str, str], ...]:
        """A bearer token (RFC 6750): what most APIs take. Others are for the policy's `headers`."""
        return (("Authorization", f"Bearer {api_key}"),)

    def readdress(self, path: str, model: str) -> str:
        self._unfit("cannot ask for another model: it reads no paths")

    def rewrite(self, body: bytes, model: str | None, changes: Mapping[str, Any]) -> bytes:
        if model is not None or changes:
            self._unfit("cannot ask for another model or other settings: it reads no bodies")
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
            should_retry=should_retry(headers),
        )

    def reader(
        self, operation: Operation, headers: Headers, streamed: bool = False
    ) -> StreamReader | None:
        return None

    def whole(self, operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
        return False

    def error(self, complaint: Complaint) -> tuple[bytes, str]:
        """JSON of the shape that most APIs of this field use: nothing better is known."""
        return told.error(complaint)

    def error_event(self, kind: FailureKind, message: str) -> bytes:
        return b""
