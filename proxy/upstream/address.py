"""Addresses that nobody is passed through to, whatever the policy says."""

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

_FORBIDDEN = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local, and where most clouds keep their metadata
        "fe80::/10",
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure
        "fd00:ec2::254/128",  # AWS
    )
)

_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291 2.5.5.1
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 2.1


class Forbidden(OSError):
    """A link-local address, or a cloud's metadata service."""


def check(address: str) -> None:
    """Raises Forbidden for such an address, in any spelling of it; a name is not looked up."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _inside(ip) or ip
    if any(ip in network for network in _FORBIDDEN):
        raise Forbidden(f"{address} is a link-local or cloud metadata address")


def _inside(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, compatible, or NAT64."""
    if ip in _COMPATIBLE or ip in _NAT64:
        return ipaddress.IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour


class GuardedResolver(AbstractResolver):
    """Checks the very addresses that are dialled, so that no name and no spelling gets around."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            check(result["host"])
        return found

    async def close(self) -> None:
        await self._inner.close()
