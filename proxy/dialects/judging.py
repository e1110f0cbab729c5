"""What all dialects have in common when they judge a whole answer.

redirection -> open the body -> an error status: what it says -> a good one: what it must have
"""

import re
from collections.abc import Callable

from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.dialects.coding import Beginning, beginning
from proxy.dialects.dialect import Judgement

REDIRECTIONS = frozenset((301, 302, 303, 307, 308))

MOST_PARSED_BYTES = 256 * 1024
"""Of a body that is read as JSON. A MiB of numbers takes 3 ms, of token probabilities 15 ms, in
which no other call gets on. Of larger ones the ends are looked at: an error has its words at the
beginning, and what has none there and ends as it should is a good answer."""

_BLANKS = re.compile(rb"[ \t\r\n]+")

Fail = Callable[[int, Headers, bytes, float], Failure]
"""What an error answer is: status, headers, the opened body, now."""
Look = Callable[[Beginning], Judgement]
"""What a good answer is, by its opened body."""


def judge(
    computes: bool,
    status: int,
    headers: Headers,
    body: bytes,
    wall_s: float,
    fail: Fail,
    look: Look,
) -> Judgement:
    """Of an answer with any status. A good one of an operation that `computes` nothing is not
    looked at: it may be a file, a page, anything.

    A redirection is no answer of an operation that computes one: of a fallback, it would lead the
    app to who knows whom. Of others it goes to the app as it is.
    """
    if status < 400 and not computes:
        return None
    if 300 <= status < 400 and status not in REDIRECTIONS:
        return None
    if status in REDIRECTIONS:
        return malformed(status, f"it answered {status}, a redirection")
    try:
        plain = beginning(headers, body)
    except Failure as broken:
        if status < 300:
            broken.status = status
            return broken
        plain = None  # what it would have said is lost; its status is not
    if status >= 400:
        return fail(status, headers, b"" if plain is None else plain.content, wall_s)
    found = None if plain is None else look(plain)
    if isinstance(found, Failure):
        found.status = status  # who follows streams takes it for granted that it was 200
    return found


def malformed(status: int, message: str) -> Failure:
    return Failure(FailureKind.MALFORMED, message, status=status)


def first_sign(body: bytes) -> bytes:
    """The first byte of JSON. Before it there may be blanks, as many as the provider took to think:
    they keep connections open."""
    blanks = _BLANKS.match(body)
    at = 0 if blanks is None else blanks.end()
    return body[at : at + 1]


def is_object(plain: Beginning) -> bool:
    """Whether a body that is too large to read has the ends of a JSON object."""
    starts = first_sign(plain.content) == b"{"
    return starts and (not plain.whole or plain.content[-64:].rstrip()[-1:] == b"}")
