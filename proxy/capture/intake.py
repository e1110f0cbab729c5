"""Reads a request's body: into memory as far as it can be kept, and on from there as it comes."""

from collections.abc import AsyncIterator

from aiohttp.http import HttpProcessingError, HttpVersion11
from aiohttp.streams import StreamReader
from aiohttp.web import BaseRequest, RequestPayloadError
from multidict import istr

from proxy.capture.connection.server import protocol_of
from proxy.capture.limits import Limits
from proxy.capture.refused import Refused
from proxy.core.clock import Clock
from proxy.core.failure import Failure, FailureKind
from proxy.upstream.fields import EXPECT

_CONTENT_LENGTH = istr("Content-Length")
_CONTINUE = "100-continue"


async def take_in(
    request: BaseRequest, replay_limit: int, limits: Limits, clock: Clock
) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """The body; or, of one larger than `replay_limit` bytes, about as much and who brings the rest.

    Raises Refused where it is too large, too slow, or expects what is not done here, and aiohttp's
    errors where it is not framed as HTTP wants it. Who brings the rest raises Failure(bad_request).
    """
    content, headers = request.content, request.headers
    if EXPECT in headers:
        await _meet_expectation(request, limits)
    elif _at_end(content):
        return b"", None
    if limits.body_bytes is not None:
        _check_length(request, limits)
    if content.is_eof() and content.total_bytes <= replay_limit:
        _check(content, limits)
        return content.read_nowait(), None
    chunks: list[bytes] = []
    size = 0
    while size <= replay_limit:
        chunk = await _read(content, limits, clock)
        if not chunk:
            return b"".join(chunks), None
        _check(content, limits)
        chunks.append(chunk)
        size += len(chunk)
        if _at_end(content):
            return b"".join(chunks), None
    return b"".join(chunks), _Rest(request, limits, clock)


def _at_end(content: StreamReader) -> bool:
    """Whether all of a body was read. Raises what is wrong with it: one that broke has ended too,
    and is not whole."""
    if (error := content.exception()) is not None:
        raise error
    return content.at_eof()


async def _meet_expectation(request: BaseRequest, limits: Limits) -> None:
    """RFC 9110 10.1.1. Who is refused is told so at once, and not asked for a body before.

    The body is asked for before it is known who gets it: it is needed to know it. Nobody is asked
    for what is coming already, or for nothing; and HTTP/1.0 knows neither this field nor 1xx. Some
    clients send the field empty, so as not to be made to wait: they expect nothing.
    """
    expected = ", ".join(filter(None, request.headers.getall(EXPECT))).lower()
    if request.version < HttpVersion11 or not expected:
        return
    if expected != _CONTINUE:
        raise Refused(417, f"nobody here knows what {expected[:100]!r} expects", "expectation")
    _check_length(request, limits)
    content = request.content
    if not content.is_eof() and not content.total_bytes:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def _check_length(request: BaseRequest, limits: Limits) -> None:
    """Raises Refused for a body that says itself that it is too large."""
    told = request.headers.get(_CONTENT_LENGTH)
    if limits.body_bytes is not None and told is not None and int(told) > limits.body_bytes:
        raise _too_large(limits)


def _check(content: StreamReader, limits: Limits) -> None:
    if limits.body_bytes is not None and content.total_bytes > limits.body_bytes:
        raise _too_large(limits)


def _too_large(limits: Limits) -> Refused:
    return Refused(413, f"a body has at most {limits.body_bytes} bytes here", "too_large")


async def _read(content: StreamReader, limits: Limits, clock: Clock) -> bytes:
    """What has come; empty at the body's end. Raises Refused when nothing does for too long."""

    def give_up() -> None:
        text = f"nothing more of the request's body came within {limits.body_idle_s:g} s"
        content.set_exception(Refused(408, text, "too_slow"))

    timer = clock.call_later(limits.body_idle_s, give_up)
    try:
        return await content.readany()
    finally:
        timer.cancel()


class _Rest:
    """What follows of a body that is too large to keep. It comes once: who asks for it again, with
    a part of it gone, gets nothing rather than a body that lacks a piece and looks whole.

    Only while it is waited for does the app's time run: a slow provider is not its fault.
    """

    __slots__ = ("_begun", "_clock", "_limits", "_request")

    def __init__(self, request: BaseRequest, limits: Limits, clock: Clock) -> None:
        self._request = request
        self._limits = limits
        self._clock = clock
        self._begun = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises Failure(bad_request) when it was begun before."""
        if self._begun:
            raise Failure(FailureKind.BAD_REQUEST, "the request is too large to be sent twice")
        self._begun = True
        return self

    async def __anext__(self) -> bytes:
        content = self._request.content
        try:
            chunk = await _read(content, self._limits, self._clock)
            _check(content, self._limits)
        except Refused as refused:
            protocol_of(self._request).end_with(self._request, refused)
            # Not sent, as it cannot be sent whole: nobody acts on a part of it.
            raise Failure(
                FailureKind.BAD_REQUEST, refused.message, status=refused.status, sent=False
            ) from refused
        except (RequestPayloadError, HttpProcessingError) as error:
            text = f"the request's body broke off: {error}"
            raise Failure(FailureKind.BAD_REQUEST, text) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk
