"""aiohttp's exceptions become Failures here, and nowhere else."""

import errno
import os
import ssl

import aiohttp
from aiohttp import http

from proxy.core.failure import Failure, FailureKind, Hop
from proxy.upstream.address import Forbidden

_OURS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL))
"""Descriptors, memory or ports that this machine lacks: the target has no part in it."""

_HOPS: dict[int | None, Hop] = {
    errno.ECONNREFUSED: Hop.REFUSED,
    errno.ECONNRESET: Hop.TERMINATED,
    errno.EHOSTUNREACH: Hop.UNROUTABLE,
    errno.ENETUNREACH: Hop.UNROUTABLE,
}
"""What the system says of a connection, as RFC 9209 has it."""


def on_connect(error: Exception, target: str) -> Failure:
    """Why there is no connection. Nothing was sent."""
    if isinstance(error, TimeoutError):
        return Failure(
            FailureKind.TIMEOUT_CONNECT, "no connection in time", target=target, sent=False
        )
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, Forbidden):
        return forbidden(error.os_error, target)
    code = error.os_error.errno if isinstance(error, aiohttp.ClientConnectorError) else None
    if code in _OURS:
        text = f"this machine has no connection left: {os.strerror(code)}"
        return Failure(FailureKind.LIMIT, text, target=target, sent=False)
    hop = _HOPS.get(code)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        text, hop = "its name does not resolve", Hop.DNS_ERROR
    elif isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        text, hop = f"its certificate is not trusted: {error}", Hop.TLS_CERTIFICATE
    elif isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        text, hop = f"no TLS with it: {error}", Hop.TLS_PROTOCOL
    elif isinstance(error, aiohttp.ClientConnectorError):
        text = f"no connection: {os.strerror(code) if code else error.os_error}"
    else:
        text = f"no connection: {error}"
    return Failure(FailureKind.NETWORK, text, target=target, sent=False, hop=hop)


def forbidden(error: Forbidden, target: str) -> Failure:
    """The app asked to be passed through to where nobody may go."""
    return Failure(
        FailureKind.BAD_REQUEST,
        f"{error}: nobody is passed through to those",
        target=target,
        status=403,
        sent=False,
        hop=Hop.PROHIBITED,
    )


def on_answer(error: Exception, target: str) -> Failure:
    """Why no status line and headers came back. The provider may have acted on the request."""
    if isinstance(error, http.HttpProcessingError):
        return Failure(FailureKind.MALFORMED, f"no HTTP answer: {unquoted(error)}", target=target)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        text = "it closed the connection without an answer"
    else:
        text = f"the connection failed before an answer: {error}"
    return Failure(FailureKind.NETWORK, text, target=target, hop=Hop.TERMINATED)


def on_body(error: Exception, target: str) -> Failure:
    """Why the body of an answer ended before its time."""
    cause = error.__cause__ if isinstance(error, aiohttp.ClientPayloadError) else error
    told = unquoted(cause) if isinstance(cause, http.HttpProcessingError) else str(error)
    return Failure(FailureKind.BROKEN_STREAM, f"its answer was cut: {told}", target=target)


def unquoted(error: http.HttpProcessingError) -> str:
    """What the parser found wrong, less the bytes that it quotes behind a colon: a provider may
    have echoed a key in them, and it may be another's than the app's."""
    return error.message.partition("\n")[0].partition(":")[0]
