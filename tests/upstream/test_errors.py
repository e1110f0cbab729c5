"""What aiohttp says of a broken answer is told, less the bytes that it quotes."""

import errno
import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp import http
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http_exceptions import BadStatusLine, InvalidHeader, LineTooLong, TransferEncodingError

from proxy.core.failure import FailureKind, Hop
from proxy.upstream.errors import on_answer, on_body, on_connect

KEY = "sk-0123456789abcdef"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BadStatusLine(error=f"Bad status line:\n\n  b'{KEY}'\n    ^"), "Bad status line"),
        (InvalidHeader(f"X {KEY}"), "Invalid HTTP header"),
        (LineTooLong(f"it's {KEY}".encode(), 64), "Got more than 64 bytes when reading"),
        (http.HttpProcessingError(message="it switched protocols"), "it switched protocols"),
    ],
)
def test_what_is_no_answer_is_not_quoted(error: Any, told: str) -> None:
    """A provider may have put the key into it that it was shown: another app may not see that."""
    assert on_answer(error, "other").message == f"no HTTP answer: {told}"


def test_a_broken_body_is_not_quoted() -> None:
    error = aiohttp.ClientPayloadError("Response payload is not completed: <...>")
    cause = TransferEncodingError(f"Invalid character in chunk size:\n\n  b'{KEY}'\n    ^")
    error.__cause__ = cause
    told = "its answer was cut: Invalid character in chunk size"
    assert on_body(error, "other").message == told
    assert on_body(cause, "other").message == told
    assert on_body(ConnectionResetError(104, "reset"), "other").message.endswith("reset")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL])
def test_what_this_machine_lacks_is_not_the_targets_failure(number: int) -> None:
    key = ConnectionKey("other.test", 443, True, True, None, None, None)
    failure = on_connect(aiohttp.ClientConnectorError(key, OSError(number, "none left")), "other")
    assert (failure.kind, failure.sent) == (FailureKind.LIMIT, False)
    assert "this machine" in failure.message


WHERE = ConnectionKey("other.test", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "hop"),
    [
        (aiohttp.ClientConnectorDNSError(WHERE, OSError(None, "no address")), Hop.DNS_ERROR),
        (
            aiohttp.ClientConnectorCertificateError(WHERE, ssl.SSLCertVerificationError("old")),
            Hop.TLS_CERTIFICATE,
        ),
        (
            aiohttp.ClientConnectorSSLError(WHERE, ssl.SSLError("no shared cipher")),
            Hop.TLS_PROTOCOL,
        ),
        (aiohttp.ClientConnectorError(WHERE, OSError(errno.ECONNREFUSED, "no")), Hop.REFUSED),
        (aiohttp.ClientConnectorError(WHERE, OSError(errno.ENETUNREACH, "no")), Hop.UNROUTABLE),
        (aiohttp.ClientConnectorError(WHERE, OSError(errno.EPROTO, "no")), None),
    ],
)
def test_what_went_wrong_on_the_way_is_told_in_one_word(
    error: aiohttp.ClientError, hop: Hop | None
) -> None:
    failure = on_connect(error, "other")
    assert (failure.kind, failure.sent, failure.hop) == (FailureKind.NETWORK, False, hop)


def test_a_connection_that_ends_before_an_answer_was_terminated() -> None:
    assert on_answer(aiohttp.ServerDisconnectedError(), "other").hop is Hop.TERMINATED
