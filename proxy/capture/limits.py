"""How much of everything one app may have of the data port, so that none takes it from the others.

A connection that breaks a limit is told so, in HTTP, and ends; the others do not notice.
"""

from dataclasses import dataclass

from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE

from proxy.core.headers import FIELD_COUNT, LINE_BYTES

PIPELINED = MAX_MSG_QUEUE_SIZE
"""Requests that are read ahead of the one that is being answered. aiohttp has it so, and stops
reading there: the rest waits in the app's own buffers, and nobody has to be turned away."""

LINGER_S = 2.0
"""How long a connection is still read from, and nothing of it looked at, once its last answer has
gone out: what is closed with bytes unread is reset, and a reset can eat the answer on its way
(RFC 9112 9.6). Two seconds are several round trips around the earth."""

RETRY_AFTER_S = 1
"""When somebody may come again who came while there was no room: answers end all the time."""

SPARE = 256
"""Connections above the limit that are told so at the same time. Who comes on top of these is hung
up on: an answer is a courtesy, and descriptors run out."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. None: no limit."""

    connections: int = 8192
    """At once, tunnels among them. Above any sidecar's load; each costs some 10 KB and two
    descriptors."""

    per_client: int = 4096
    """The same, from one address: on loopback that is all of them, so it is no less than half."""

    head_s: float = 10.0
    """From the first bytes of a request's head to its last: it is a few packets at most. (408)"""

    line_bytes: int = LINE_BYTES
    """Of the request line (414), and of one field (431)."""

    field_count: int = FIELD_COUNT
    """Of one request. (431)"""

    head_bytes: int = 256 * 2**10
    """Of a request's line and fields together. (431)"""

    keepalive_s: float = 75.0
    """How long an app's idle connection is kept: longer than SDKs keep theirs, so they close it."""

    body_idle_s: float = 60.0
    """Between two pieces of a request's body, while it is waited for. (408)"""

    body_bytes: int | None = None
    """Of a request's body. (413) None by default: it streams through, and providers have limits of
    their own, which they tell better."""
