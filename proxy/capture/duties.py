"""What every intermediary has to do before it sends a request on: see that it does not go round,
and answer by itself what goes no further (RFC 9110 7.6.2, 7.6.3, 9.3.7, 9.3.8)."""

import re

from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import BaseRequest, Response

from proxy.capture.authority import check_host
from proxy.capture.refused import Refused
from proxy.capture.tunnels.inside import Inside
from proxy.core.headers import Headers
from proxy.upstream.fields import COUNTED, MAX_FORWARDS, VIA
from proxy.upstream.via import Signature

_COUNT = re.compile(r"[0-9]{1,9}")
"""Nobody means more intermediaries than that by anything longer."""

_ALLOW = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT"
"""All that goes through us, among what else does."""

_TOLD_BACK = frozenset(
    (
        *("accept", "accept-encoding", "accept-language", "connection", "content-length"),
        *("content-type", "host", "max-forwards", "te", "user-agent", "via"),
    )
)
"""Fields that a TRACE is answered with. A list of what may be told, not of what may not: nobody
knows all the names under which keys and cookies travel."""


def check_loops(headers: Headers, signature: Signature) -> None:
    """Raises Refused for a request that has been here before."""
    if VIA in headers and (why := signature.loop(headers.getall(VIA, []))):
        raise Refused(508, why, "loop")


def own_answer(request: BaseRequest, target: str, inside: Inside | None) -> Response | None:
    """The answer to a request that goes no further than here: OPTIONS or TRACE whose Max-Forwards
    is 0, and OPTIONS for this very server. None for all others. Raises Refused."""
    if request.method not in COUNTED:
        return None
    left = request.headers.get(MAX_FORWARDS)
    if left is not None and _COUNT.fullmatch(left) is None:
        raise Refused(400, f"Max-Forwards is a number, not {left[:100]!r}")
    if (left is None or int(left)) and (inside is not None or target != "*"):
        return None
    check_host(request.headers)
    return _trace(request, target) if request.method == "TRACE" else _options()


def _options() -> Response:
    return Response(status=204, headers={"Allow": _ALLOW, **_ours()})


def _trace(request: BaseRequest, target: str) -> Response:
    """The request as it came, less what may be a secret: in its fields, and in its target."""
    path = target.partition("?")[0].rpartition("@")[2]
    version = request.version
    lines = [f"TRACE {path} HTTP/{version.major}.{version.minor}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if _told(name)]
    body = "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape")
    return Response(body=body, headers={"Content-Type": "message/http", **_ours()})


def _told(name: str) -> bool:
    return name.lower() in _TOLD_BACK


def _ours() -> dict[str, str]:
    return {"Server": "understudy", "Date": rfc822_formatted_time()}
