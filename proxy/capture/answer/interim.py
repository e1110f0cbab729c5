"""Interim answers (1xx) on their way to the app, before the answer itself."""

from collections.abc import Callable

from aiohttp.web import BaseRequest
from multidict import istr

from proxy.core.headers import Headers
from proxy.upstream.fields import PSEUDONYM, VIA, head, without_hop_by_hop

_CONTENT_LENGTH = istr("Content-Length")
_PHRASES = {102: "Processing", 103: "Early Hints"}


def interim_writer(request: BaseRequest) -> Callable[[int, Headers], None] | None:
    """Who sends interim answers to the app; None where it takes none (RFC 9110 15.2: HTTP/1.0).

    Nothing is sent once an answer has begun, or when the app has gone. Two targets that are asked
    for one answer may both have hints: they are no more than that.
    """
    if request.version < (1, 1):
        return None

    def write(status: int, headers: Headers) -> None:
        transport = request.transport
        if transport is None or transport.is_closing() or request.writer.output_size > 0:
            return
        fields = without_hop_by_hop(headers)
        fields.popall(_CONTENT_LENGTH, None)  # RFC 9110 8.6: it has no content
        fields.add(VIA, PSEUDONYM)
        transport.write(head(f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}", fields))

    return write
