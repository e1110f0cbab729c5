"""What is said to who is not served, and the end of the connection."""

import json
from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import BaseRequest, StreamResponse
from multidict import CIMultiDict

from proxy.capture.refused import Refused
from proxy.upstream.fields import head


class Turned(StreamResponse):
    """What aiohttp's server is given to end a connection with: the answer to a request that was
    `refused`, or nothing where all was said."""

    def __init__(self, refused: Refused | None) -> None:
        super().__init__()
        self._refused = refused
        self._asked: BaseRequest | None = None

    @property
    def keep_alive(self) -> bool:
        return False

    async def prepare(self, request: BaseRequest) -> None:
        self._asked = request

    async def write_eof(self, data: bytes = b"") -> None:
        """Raises ConnectionError where the app has gone."""
        assert self._asked is not None  # the server prepares before it writes
        transport = self._asked.transport
        if transport is None or transport.is_closing():
            raise ConnectionError("the app has gone")
        if self._refused is not None:
            transport.write(_answer(self._refused, self._asked.method))


def _answer(refused: Refused, method: str) -> bytes:
    error = {"message": refused.message, "type": "understudy_refused", "code": None}
    body = json.dumps({"error": error}).encode()
    fields = CIMultiDict(
        {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Date": rfc822_formatted_time(),
            "Server": "understudy",
            "Connection": "close",
        }
    )
    for name, value in refused.fields:
        fields.add(name, value)
    # In our own version of HTTP, whatever the request's is (RFC 9110 2.5).
    first = head(f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}", fields)
    return first if method == "HEAD" else first + body
