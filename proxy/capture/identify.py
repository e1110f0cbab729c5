"""Which upstream a request is for, told from its target alone (RFC 9112 3.2)."""

import ipaddress
import re
from collections.abc import Mapping
from typing import NamedTuple

from proxy.core.call import Face
from proxy.core.headers import Headers
from proxy.engine.compile import Program
from proxy.upstream.fields import VIA

_ABSOLUTE = re.compile(r"(?i:http)://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")


class Place(NamedTuple):
    """Where a request goes. `upstream` is a host's authority when it is not `known`."""

    upstream: str
    path: str
    face: Face
    known: bool


class Refused(Exception):
    """A request that is not served: the status, and what is wrong and what would be right."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def identify(
    method: str,
    target: str,
    headers: Headers,
    program: Program,
    own_ports: Mapping[int, str],
    passthrough: bool,
) -> Place:
    """The place that a request's target names. Raises Refused.

    `own_ports` are this process's, with what listens there: a request to them would come back.
    """
    if VIA in headers and any("understudy" in via for via in headers.getall(VIA, [])):
        raise Refused(508, "this request went through Understudy before: it would go round forever")
    if method == "CONNECT":
        raise Refused(
            501,
            "CONNECT is not served: set the application's base URL to "
            "http://<this proxy>/<upstream>, or use an http:// provider URL with HTTP_PROXY",
        )
    if target.startswith("/"):
        return _base_url(target, program)
    if (parts := _ABSOLUTE.fullmatch(target)) is not None:
        return _absolute(parts[1], parts[2], program, own_ports, passthrough)
    raise Refused(400, f"{target[:100]!r} is no request target: it wants a path or an http:// URL")


def _base_url(target: str, program: Program) -> Place:
    path, question, query = target[1:].partition("?")
    name, slash, rest = path.partition("/")
    origin = program.origins.get(name)
    if origin is None:
        known = ", ".join(sorted(program.origins))
        raise Refused(
            404, f"no upstream is named {name[:100]!r}; a path begins with one of: {known}"
        )
    return Place(name, f"{origin.prefix}{slash or '/'}{rest}{question}{query}", Face.BASE_URL, True)


def _absolute(
    authority: str, path: str, program: Program, own_ports: Mapping[int, str], passthrough: bool
) -> Place:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None or int(parts[2] or 80) > 65535:
        shown = authority[:100].rpartition("@")[2]  # what is before an @ may be a password
        raise Refused(400, f"no request goes to {shown!r}: it wants HOST or HOST:PORT, no user")
    host, port = parts[1].lower(), int(parts[2] or 80)
    path = path if path.startswith("/") else "/" + path
    upstream = program.snapshot.upstream_for_host(host, port)
    if upstream is not None:
        return Place(upstream.name, path, Face.HTTP_PROXY, True)
    if port in own_ports and _is_this_machine(host):
        raise Refused(508, f"{authority} is this proxy's own {own_ports[port]} port")
    if not passthrough:
        known = ", ".join(sorted(program.snapshot.hosts))
        raise Refused(
            403, f"{authority} is the host of no upstream and passthrough is denied; known: {known}"
        )
    return Place(authority.lower(), path, Face.HTTP_PROXY, False)


def _is_this_machine(host: str) -> bool:
    """A name is not looked up: who comes back by one is known by `Via`."""
    try:
        ip = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    return ip.is_loopback or ip.is_unspecified
