"""aiohttp's exceptions become Failures here, and nowhere else."""

import errno
import os
import re
import socket
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

_OF_OUR_CERTIFICATE = re.compile(
    "ALERT_(CERTIFICATE_(REQUIRED|EXPIRED|UNKNOWN|REVOKED)|(BAD|UNSUPPORTED)_CERTIFICATE"
    "|UNKNOWN_CA|ACCESS_DENIED)"
)
"""How a server says, in OpenSSL's words, that it wants another certificate of ours, or one at all.
With TLS 1.3 that comes when we think that all is well, and have sent a request (RFC 8446 4.4.2)."""


def on_connect(error: Exception, target: str) -> Failure:
    """Why there is no connection. Nothing was sent."""
    if isinstance(error, TimeoutError):
        return Failure(
            FailureKind.TIMEOUT_CONNECT, "no connection in time", target=target, sent=False
        )
    cause: Exception = error
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    elif isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    if isinstance(cause, Forbidden):
        return forbidden(cause, target)
    nameless = isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror | UnicodeError)
    code = cause.errno if isinstance(cause, OSError) and not nameless else None
    if code in _OURS:
        text = f"this machine has no connection left: {os.strerror(code)}"
        return Failure(FailureKind.LIMIT, text, target=target, sent=False)
    hop = _HOPS.get(code)
    if nameless:
        text, hop = "its name does not resolve", Hop.DNS_ERROR
    elif isinstance(cause, ssl.SSLCertVerificationError | ssl.CertificateError):
        told = getattr(cause, "verify_message", "") or str(cause)
        text, hop = f"its certificate is not trusted: {told}", Hop.TLS_CERTIFICATE
    elif isinstance(cause, ssl.SSLError):
        text, hop = _no_tls(cause), Hop.TLS_PROTOCOL
    else:
        text = f"no connection: {os.strerror(code) if code else cause}"
    return Failure(FailureKind.NETWORK, text, target=target, sent=False, hop=hop)


def _no_tls(error: ssl.SSLError) -> str:
    reason = getattr(error, "reason", None) or str(error)
    told = reason.replace("_", " ").lower()
    if _OF_OUR_CERTIFICATE.search(reason):
        return f"it wants a certificate of ours that it trusts (cert_file, key_file): {told}"
    return f"no TLS with it: {told}"


def forbidden(error: Forbidden, target: str) -> Failure:
    """The app asked to be passed through to where nobody may go."""
    return Failure(
        FailureKind.BAD_REQUEST,
        str(error),
        target=target,
        status=403,
        sent=False,
        hop=Hop.PROHIBITED,
    )


def on_answer(error: Exception, target: str) -> Failure:
    """Why no status line and headers came back. The provider may have acted on the request."""
    if isinstance(error, http.HttpProcessingError):
        return Failure(FailureKind.MALFORMED, f"no HTTP answer: {unquoted(error)}", target=target)
    if isinstance(error.__cause__, ssl.SSLError):
        text = _no_tls(error.__cause__)
        return Failure(FailureKind.NETWORK, text, target=target, hop=Hop.TLS_PROTOCOL)
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
