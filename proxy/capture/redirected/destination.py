"""Where a redirected connection was going, which Linux remembers for who it was redirected to."""

import errno
import ipaddress
import socket
import struct
from typing import NamedTuple
from typing import Protocol as Shape

_SO_ORIGINAL_DST = 80
"""Linux, include/uapi/linux/netfilter_ipv4.h; IP6T_SO_ORIGINAL_DST has the same number. Python
names neither."""

_SOCKADDR_IN = struct.Struct("!2xH4s8x")  # family (of the host's byte order), port, address
_SOCKADDR_IN6 = struct.Struct("!2xH4x16s4x")  # family, port, flow, address, scope

_NOT_TRACKED = frozenset((errno.ENOENT, errno.ENOPROTOOPT))
"""The kernel follows this connection not at all, or (no rule ever was) none."""


class Destination(NamedTuple):
    """An address (IPv6 without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class NotRedirected(Exception):
    """The connection was made to where it came in."""


class Socket(Shape):
    """What is used of a connection's socket, which event loops wrap in classes of their own."""

    @property
    def family(self) -> int: ...

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...

    # What comes back has two parts or four, by its family.
    def getsockname(self) -> tuple[str, int] | tuple[str, int, int, int]: ...


def original_destination(connection: Socket) -> Destination:
    """Where the other side wanted to go. Raises NotRedirected; OSError where it has gone."""
    own = connection.getsockname()
    if connection.family == socket.AF_INET6:
        level, shape = socket.IPPROTO_IPV6, _SOCKADDR_IN6
    else:
        level, shape = socket.IPPROTO_IP, _SOCKADDR_IN
    try:
        found = connection.getsockopt(level, _SO_ORIGINAL_DST, shape.size)
    except OSError as error:
        if error.errno in _NOT_TRACKED:
            raise NotRedirected from error
        raise
    port, packed = shape.unpack(found)
    destination = Destination(str(ipaddress.ip_address(packed)), port)
    if destination == Destination(str(ipaddress.ip_address(own[0].partition("%")[0])), own[1]):
        raise NotRedirected
    return destination
