"""What is wrong with a request that aiohttp's parser takes, and in our words what it does not take.

The parser (llhttp, strict) refuses two lengths, a length beside a coding, folded and misspelled
fields, bare CR and LF, and broken chunks. This adds what it lets through.
"""

from aiohttp.http import HttpProcessingError, HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import BadStatusLine, InvalidURLError, LineTooLong
from aiohttp.web import RequestPayloadError
from multidict import istr

from proxy.capture.limits import Limits
from proxy.capture.refused import Refused
from proxy.upstream.errors import unquoted

_TRANSFER_ENCODING, _CONTENT_LENGTH = istr("Transfer-Encoding"), istr("Content-Length")
_MOST_DIGITS = 18
"""Of a length. aiohttp takes 2**64 - 1 for a request without a body."""

_CODINGS = frozenset(("gzip", "x-gzip", "deflate", "compress", "x-compress"))

_NO_HTTP = "this is no HTTP request"
_TOO_LARGE = "too_large"
_HTTP_2, _OTHER_HTTP = "Pause on PRI/Upgrade", "Invalid HTTP version"
_OVERHEAD_BYTES = 4  # of a field, beside its name and value: a colon, a space, the line's end


def fault(message: RawRequestMessage) -> Refused | None:
    """Why a request whose head was parsed must not be served."""
    version = message.version
    if version is not HttpVersion11 and version is not HttpVersion10:
        text = f"HTTP/{version.major}.{version.minor} is not spoken here; use HTTP/1.1"
        return Refused(505, text, "bad_version")
    headers = message.headers
    if (length := headers.get(_CONTENT_LENGTH)) is not None and len(length) > _MOST_DIGITS:
        return Refused(413, "no body is so large", _TOO_LARGE)
    return _coding_fault(message) if _TRANSFER_ENCODING in headers else None


def _coding_fault(message: RawRequestMessage) -> Refused | None:
    """RFC 9112 6.1, 7: we read `chunked` and nothing else, and HTTP/1.0 knows no such field."""
    value = message.headers[_TRANSFER_ENCODING].lower()
    if value == "chunked" and message.version is HttpVersion11:
        return None
    if message.version is not HttpVersion11:
        return Refused(400, f"{_NO_HTTP}: HTTP/1.0 has no Transfer-Encoding")
    codings = [coding.strip(" \t") for coding in value.split(",")]
    if codings[-1:] == ["chunked"] and _CODINGS.issuperset(codings[:-1]):
        return Refused(501, "of transfer codings, only chunked is read here", "bad_coding")
    return Refused(400, f"{_NO_HTTP}: its Transfer-Encoding is not chunked")


def head_bytes(message: RawRequestMessage) -> int:
    """Of the request's line and fields, as they came."""
    fields = sum(len(name) + len(value) + _OVERHEAD_BYTES for name, value in message.raw_headers)
    return len(message.method) + len(message.path) + fields


def too_large(limits: Limits) -> Refused:
    return Refused(431, f"a request's head has at most {limits.head_bytes} bytes here", _TOO_LARGE)


def named(error: BaseException | None, limits: Limits) -> Refused | None:
    """What aiohttp says of a request that it could not read; None for what is no such error."""
    if isinstance(error, RequestPayloadError):
        return Refused(400, f"{_NO_HTTP}: its body broke off")
    if not isinstance(error, HttpProcessingError):
        return None
    if isinstance(error, LineTooLong):
        if error.args[1] == limits.line_bytes:
            text = f"a request line has at most {limits.line_bytes} bytes here"
            return Refused(414, text, _TOO_LARGE)
        text = f"a header field has at most {limits.line_bytes} bytes here"
        return Refused(431, text, _TOO_LARGE)
    what = unquoted(error)
    if what == "Too many headers received":
        text = f"a request has at most {limits.field_count} header fields here"
        return Refused(431, text, _TOO_LARGE)
    if what == _HTTP_2 or (isinstance(error, BadStatusLine) and _OTHER_HTTP in error.message):
        return Refused(505, "only HTTP/1.1 and HTTP/1.0 are spoken here", "bad_version")
    if isinstance(error, InvalidURLError):
        what = "its target is no URL"  # aiohttp would show it, and there may be a key in it
    return Refused(400, f"{_NO_HTTP}: {what}")


def field_bytes(limits: Limits) -> int:
    """The parser's limit for a field: one less than for a request's line, since its limit is all
    that a complaint tells the two apart by."""
    return limits.line_bytes - 1
