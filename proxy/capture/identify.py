"""Which upstream a request is for, told from its target alone (RFC 9112 3.2)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from proxy.capture.authority import (
    PORTS,
    check_host,
    is_this_machine,
    read_authority,
    shown,
)
from proxy.capture.refused import Refused
from proxy.capture.tunnels.inside import Inside
from proxy.core.call import Face
from proxy.core.headers import Headers
from proxy.engine.compile import Program
from proxy.policy.passage import Passage

_ABSOLUTE = re.compile(r"(?i:(https?|wss?))://([^/?#]*)(.*)", re.DOTALL)
_HTTP = {"ws": "http", "wss": "https"}
"""Some clients name WebSockets so to a proxy; on the wire they are HTTP (RFC 6455 3)."""


class Place(NamedTuple):
    """Where a request goes. `upstream` is a host's authority when it is not `known`."""

    upstream: str
    path: str
    face: Face
    known: bool


def identify(
    method: str,
    target: str,
    headers: Headers,
    program: Program,
    own_ports: Mapping[int, str],
    loopback: bool,
    inside: Inside | None,
) -> Place | None:
    """The place that a request's target names; None for a CONNECT, which names none. Raises
    Refused.

    `own_ports` are this process's, with what listens there: a request to them would come back.
    `loopback` says that nobody else can reach them. `inside` is what the connection is for, where
    it came through a tunnel or was redirected: its requests are for that server and no other.
    """
    host = check_host(headers)
    if method == "CONNECT":
        if inside is not None:
            raise Refused(400, f"there is no tunnel within the one to {inside.authority}")
        return None
    if "#" in target:
        raise Refused(400, "a request target has no fragment (RFC 9112 3.2)")
    if inside is not None:
        return _inside(method, target, host, program, inside)
    if target.startswith("/"):
        return _base_url(target, program)
    if (parts := _ABSOLUTE.fullmatch(target)) is not None:
        scheme = parts[1].lower()
        return _absolute(
            _HTTP.get(scheme, scheme),
            parts[2],
            _path(method, parts[3]),
            program,
            own_ports,
            loopback,
        )
    raise Refused(400, f"{shown(target)!r} is no request target: it wants a path or an http:// URL")


def _inside(method: str, target: str, host: str | None, program: Program, inside: Inside) -> Place:
    """`Host` agrees with the tunnel, as the certificate and SNI did before."""
    scheme = "https" if inside.secure else "http"
    if host is not None:
        _check_agrees(host, inside, PORTS[scheme])
    if not target.startswith("/") and target != "*":
        parts = _ABSOLUTE.fullmatch(target)
        if parts is None:
            raise Refused(400, f"{shown(target)!r} is no request target: it wants a path")
        if _scheme(parts[1]) != scheme:
            raise _misdirected(f"{parts[1]}://{shown(parts[2])}", inside)
        _check_agrees(parts[2], inside, PORTS[scheme])
        target = _path(method, parts[3])
    elif target == "*" and method != "OPTIONS":
        raise Refused(400, "only OPTIONS asks for *")
    upstream = program.snapshot.upstream_for_host(inside.host, inside.port)
    if upstream is None:
        raise Refused(
            421,
            f"{inside.host} is the host of no upstream any more; connect again",
            "misdirected",
        )
    return Place(upstream.name, target, inside.face, True)


def _check_agrees(authority: str, inside: Inside, default: int) -> None:
    if authority != inside.authority:  # as nearly everybody writes it
        read = read_authority(authority)
        if read is None or read.host != inside.host or (read.port or default) != inside.port:
            raise _misdirected(shown(authority), inside)


def _misdirected(named: str, inside: Inside) -> Refused:
    text = f"this connection is for {inside.authority}, not for {named}; connect to that"
    return Refused(421, text, "misdirected")


def _scheme(written: str) -> str:
    lower = written.lower()
    return _HTTP.get(lower, lower)


def _path(method: str, path: str) -> str:
    """Of an absolute-form target. One without any asks for the server itself (RFC 9112 3.2.4)."""
    if not path and method == "OPTIONS":
        return "*"
    return path if path.startswith("/") else "/" + path


def _base_url(target: str, program: Program) -> Place:
    path, question, query = target[1:].partition("?")
    name, slash, rest = path.partition("/")
    origin = program.origins.get(name)
    if origin is None:
        known = ", ".join(sorted(program.origins))
        raise Refused(
            404,
            f"no upstream is named {name[:100]!r}; a path begins with one of: {known}",
            "unknown_upstream",
        )
    return Place(name, f"{origin.prefix}{slash or '/'}{rest}{question}{query}", Face.BASE_URL, True)


def _absolute(
    scheme: str,
    authority: str,
    path: str,
    program: Program,
    own_ports: Mapping[int, str],
    loopback: bool,
) -> Place:
    read = read_authority(authority)
    if read is None:
        raise Refused(
            400, f"no request goes to {shown(authority)!r}: it wants HOST or HOST:PORT, no user"
        )
    host, port = read.host, read.port or PORTS[scheme]
    snapshot = program.snapshot
    upstream = snapshot.upstream_for_host(host, port)
    if upstream is not None:
        return Place(upstream.name, path, Face.HTTP_PROXY, True)
    if port in own_ports and is_this_machine(host):
        raise Refused(508, f"{authority} is this proxy's own {own_ports[port]} port", "loop")
    passage = Passage.of(snapshot.passthrough, loopback)
    if not passage.admits(host, port):
        known = ", ".join(sorted(snapshot.hosts))
        raise Refused(
            403,
            f"{authority} is the host of no upstream and {passage.why_not}; known: {known}",
            "passthrough_denied",
        )
    if scheme == "https":
        raise Refused(
            400,
            f"https://{authority} is the host of no upstream: it can be reached by CONNECT "
            f"(HTTPS_PROXY), where only its client reads what is said, or as http://{authority}",
        )
    return Place(authority.lower(), path, Face.HTTP_PROXY, False)
