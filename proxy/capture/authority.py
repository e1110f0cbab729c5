"""The `host:port` of URLs and of `Host`, read strictly (RFC 9110 7.2, RFC 3986 3.2)."""

import ipaddress
import re
from typing import NamedTuple

from proxy.capture.refused import Refused
from proxy.core.headers import Headers

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}))?")
"""Of names no more than what is used in DNS: what else a URI may have (percent-encoded bytes,
`!$&'()*+,;=`) is read by everybody in a way of his own."""

PORTS = {"http": 80, "https": 443}
LAST_PORT = 65535


class Authority(NamedTuple):
    """`host` is lower-case, without brackets and without the dot that ends a full name; `port` is
    None where it was left out."""

    host: str
    port: int | None


def read_authority(text: str) -> Authority | None:
    """None where it is no `HOST` or `HOST:PORT`: empty, a list, with a user or a path."""
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        return None
    host = parts[1].lower().removesuffix(".")
    port = int(parts[2]) if parts[2] else None
    if host.startswith("["):
        host = host[1:-1]
        if _address(host) is None:
            return None
    return None if not host or port == 0 or (port or 0) > LAST_PORT else Authority(host, port)


def check_host(headers: Headers) -> str | None:
    """The value of `Host`, which is valid; None where there is none, as HTTP/1.0 may have it.

    That there is one in HTTP/1.1, and no second one, the parser has seen to. Raises Refused.
    """
    host = headers.get("Host")
    if host is not None and _AUTHORITY.fullmatch(host) is None:
        raise Refused(400, f"{shown(host)!r} is no Host: it wants HOST or HOST:PORT, and only that")
    return host


def shown(target: str) -> str:
    """An authority or a target as it can be told: what is before an @ may be a password, and a
    query may have a key."""
    return target.partition("?")[0].rpartition("@")[2][:100]


def is_this_machine(host: str) -> bool:
    """A name is not looked up: who comes back by one is known by `Via`."""
    ip = _address(host.strip("[]"))
    if ip is None:
        return host == "localhost"
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    return ip.is_loopback or ip.is_unspecified


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
