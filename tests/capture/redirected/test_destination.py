"""The kernel's answers about redirected connections, as they are laid out in memory."""

import errno
import socket
import struct

import pytest

from proxy.capture.redirected.destination import Destination, NotRedirected, original_destination


class Known:
    """A socket of which the kernel has something to say."""

    def __init__(self, own: str, answer: bytes | OSError) -> None:
        self.family = socket.AF_INET6 if ":" in own else socket.AF_INET
        self.asked: tuple[int, int] | None = None
        self._own = own
        self._answer = answer

    def getsockname(self) -> tuple[str, int] | tuple[str, int, int, int]:
        return (self._own, 8902, 0, 0) if ":" in self._own else (self._own, 8902)

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        self.asked = level, option
        if isinstance(self._answer, OSError):
            raise self._answer
        assert size == len(self._answer)
        return self._answer


def sockaddr(host: str, port: int) -> bytes:
    """struct sockaddr_in, or sockaddr_in6: ip(7), ipv6(7)."""
    if ":" in host:
        family = struct.pack("=H", 10)
        packed = socket.inet_pton(socket.AF_INET6, host)
        return family + struct.pack("!HI", port, 7) + packed + struct.pack("=I", 3)
    return struct.pack("=H", 2) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


@pytest.mark.parametrize(
    ("own", "going", "asked"),
    [
        ("127.0.0.1", Destination("203.0.113.9", 443), (socket.IPPROTO_IP, 80)),
        ("::1", Destination("2001:db8::9", 65535), (socket.IPPROTO_IPV6, 80)),
        ("127.0.0.1", Destination("127.0.0.1", 443), (socket.IPPROTO_IP, 80)),
    ],
)
def test_where_it_was_going(own: str, going: Destination, asked: tuple[int, int]) -> None:
    known = Known(own, sockaddr(going.host, going.port))
    assert original_destination(known) == going
    assert known.asked == asked


@pytest.mark.parametrize("own", ["127.0.0.1", "::1"])
def test_it_was_going_here(own: str) -> None:
    with pytest.raises(NotRedirected):
        original_destination(Known(own, sockaddr(own, 8902)))


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOPROTOOPT])
def test_the_kernel_knows_of_nothing(number: int) -> None:
    with pytest.raises(NotRedirected):
        original_destination(Known("127.0.0.1", OSError(number, "")))


def test_other_errors_are_the_connections_own() -> None:
    with pytest.raises(ConnectionResetError):
        original_destination(Known("127.0.0.1", OSError(errno.ECONNRESET, "")))


def test_destinations_are_told_as_urls_have_them() -> None:
    assert str(Destination("203.0.113.9", 443)) == "203.0.113.9:443"
    assert str(Destination("2001:db8::9", 443)) == "[2001:db8::9]:443"
