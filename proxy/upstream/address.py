"""Addresses that nobody is passed through to: private, reserved, link-local, a cloud's metadata.

A host is looked at as it is written, and then every address that is about to be dialled: no name,
no spelling and no second look-up gets around that. Upstreams of a policy are not looked at.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass, field

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]
"""As `getaddrinfo` tells it: family, type, protocol, canonical name, socket address."""

METADATA_NAMES = frozenset(("metadata.google.internal",))


def _networks(*written: str) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(network) for network in written)


_METADATA = _networks(
    "169.254.0.0/16",  # link-local, and where most clouds keep their metadata
    "fe80::/10",
    "100.100.100.200/32",  # Alibaba Cloud
    "168.63.129.16/32",  # Azure
    "fd00:ec2::254/128",  # AWS
)

_RESERVED = _networks(
    "0.0.0.0/8",  # "this network": Linux takes 0.0.0.0 for itself
    "10.0.0.0/8",
    "100.64.0.0/10",  # shared by providers, RFC 6598
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",  # documentation, as the next two
    "198.51.100.0/24",
    "203.0.113.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",
    "::/96",  # unspecified, loopback, and IPv4 in its oldest clothes (RFC 4291 2.5.5.1)
    "::ffff:0:0/96",  # IPv4 in others: whoever means IPv4 can say so
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",  # discard
    "2001::/32",  # Teredo
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "fc00::/7",
    "fec0::/10",
    "ff00::/8",
)
"""https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister."""

_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291 2.5.5.1
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 2.1
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]*|[0-9]+)")
"""The last label of what systems read as an IPv4 address, octal and short ones too (WHATWG URL
3.5): no name of the public DNS ends so."""


class Forbidden(OSError):
    """A host or an address that nobody is passed through to; the message is for the app's eyes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is forbidden."""

    name: str
    networks: tuple[_Network, ...] = field(repr=False)
    what: str = field(repr=False)

    def host(self, written: str) -> str:
        """The host that is `written`, as it is to be looked up: an address or a name, in one
        spelling, no dot at its end. Raises Forbidden for what is neither, and by `address`."""
        host = written.removeprefix("[").removesuffix("]") if ":" in written else written
        host = host.removesuffix(".").lower()
        ip = _parsed(host)
        if ip is not None and "%" not in host:
            self.address(str(ip))
            return str(ip)
        if not _NAME.fullmatch(host):
            raise Forbidden(f"{written[:100]!r} is no host that anybody is passed through to")
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            raise Forbidden(
                f"{written[:100]!r} is an address in an odd spelling: write four numbers"
            )
        if host in METADATA_NAMES:
            raise Forbidden(f"{host} is a cloud's metadata: nobody is passed through to that")
        return host

    def address(self, address: str, host: str = "") -> None:
        """Raises Forbidden for an `address` that may not be dialled, of a `host` that led to it."""
        ip = _parsed(address)
        if ip is None or any(each in network for each in _meant(ip) for network in self.networks):
            who = f"{host} leads to" if host and host != address else f"{address} is"
            raise Forbidden(f"{who} {self.what}")

    def socket(self, info: AddressInfo) -> socket.socket:
        """What to dial an address with, made just before. Raises Forbidden."""
        self.address(info[4][0])
        return socket.socket(info[0], info[1], info[2])


LENIENT = Rule(
    "no metadata",
    _METADATA,
    "a link-local or cloud metadata address: nobody is passed through to those",
)
"""For a host that the policy lists: it may well be a private one."""

STRICT = Rule(
    "no private addresses",
    _METADATA + _RESERVED,
    "a private, reserved or metadata address: nobody is passed through to those, but to private "
    "ones that the policy's passthrough lists",
)


def _parsed(address: str) -> _Ip | None:
    """None of what is no address. A zone (`fe80::1%eth0`) changes nothing of where it belongs."""
    try:
        return ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None


def _meant(ip: _Ip) -> tuple[_Ip, ...]:
    """`ip`, and every IPv4 address that it stands for where it is one of IPv6."""
    if isinstance(ip, ipaddress.IPv4Address):
        return (ip,)
    octets = ip.packed
    if ip.ipv4_mapped is not None:
        return ip, ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip, ip.sixtofour
    if ip.teredo is not None:
        return ip, *ip.teredo
    if ip in _COMPATIBLE or ip in _NAT64:
        return ip, ipaddress.IPv4Address(octets[12:])
    if ip in _NAT64_LOCAL:  # of prefixes of 48, 56, 64 and 96 bits: RFC 6052 2.2
        places = (octets[6:8] + octets[9:11], octets[7:8] + octets[9:12], octets[9:13], octets[12:])
        return ip, *map(ipaddress.IPv4Address, places)
    return (ip,)
