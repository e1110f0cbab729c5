"""What a status means where nothing better is known."""

from proxy.core.failure import FailureKind

_KINDS = {
    401: FailureKind.AUTH,
    402: FailureKind.QUOTA,
    403: FailureKind.AUTH,
    # Sent when the provider's own gateway gave up waiting, so it is their 504. Our timeouts have
    # kinds of their own, which mean that a clock of ours ran out.
    408: FailureKind.UNAVAILABLE,
    413: FailureKind.CONTEXT_LENGTH,
    429: FailureKind.RATE_LIMIT,
}


def kind_of_status(status: int) -> FailureKind:
    """The kind of an error status: 5xx is `unavailable`, a 4xx without a meaning of its own is the
    caller's `bad_request`. Of no use below 400."""
    if status >= 500:
        return FailureKind.UNAVAILABLE
    return _KINDS.get(status, FailureKind.BAD_REQUEST)
