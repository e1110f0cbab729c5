"""Which hosts a CA may sign for, and how a certificate says so (name constraints, RFC 5280
4.2.1.10)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from cryptography import x509

from proxy.trust.error import NotTrustworthy

NOBODY = "understudy.invalid"
"""The one name that a CA may sign for which has addresses only. A kind of name of which nothing is
said is not constrained at all, and not every client understands that all names are excluded; this
one never resolves (RFC 6761 6.4)."""

_ANY_IPV4 = IPv4Network("0.0.0.0/0")
_ANY_IPV6 = IPv6Network("::/0")
_WITH_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::[0-9]+)?")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")

Host = str | IPv4Address | IPv6Address
"""A DNS name, lower-case and in ASCII, or an address."""


def host_of(text: str) -> Host:
    """The host of `api.example.com`, `API.example.com.:443`, `127.0.0.1`, `[::1]:8080` or `::1`.

    Raises NotTrustworthy for what no certificate can name.
    """
    parts = _WITH_PORT.fullmatch(text)
    host = parts[1].strip("[]") if parts else text
    try:
        return _address(host)
    except ValueError:
        pass  # then it is a name
    try:
        name = host.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        name = ""
    if not _NAME.fullmatch(name):
        raise NotTrustworthy(f"no certificate can be made for the host {text!r}: it is no name")
    return name


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])  # a zone is this machine's own affair
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def general_name(host: Host) -> x509.GeneralName:
    """`host` as a certificate for it says it."""
    return x509.DNSName(host) if isinstance(host, str) else x509.IPAddress(host)


@dataclass(frozen=True, slots=True)
class Permitted:
    """Hosts, and no others: neither a name that is not here, nor an address of any family.

    A name brings the names below it along: that is what the constraint means to every client.
    """

    hosts: frozenset[Host]

    @classmethod
    def of(cls, hosts: Iterable[str]) -> "Permitted":
        return cls(frozenset(map(host_of, hosts)))

    @classmethod
    def read(cls, constraints: x509.NameConstraints) -> "Permitted":
        """What `said` told. Networks of more than one address are none of ours: left out."""
        hosts: set[Host] = set()
        for name in constraints.permitted_subtrees or ():
            if isinstance(name, x509.DNSName) and name.value != NOBODY:
                hosts.add(name.value)
            elif isinstance(name, x509.IPAddress):
                network = name.value
                if isinstance(network, IPv4Network | IPv6Network) and network.num_addresses == 1:
                    hosts.add(network.network_address)
        return cls(frozenset(hosts))

    def __or__(self, other: "Permitted") -> "Permitted":
        return Permitted(self.hosts | other.hosts)

    def __ge__(self, other: "Permitted") -> bool:
        return self.hosts >= other.hosts

    def __contains__(self, host: Host) -> bool:
        return host in self.hosts

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(host for host in self.hosts if isinstance(host, str)))

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        found = (host for host in self.hosts if not isinstance(host, str))
        return tuple(sorted(found, key=lambda address: (address.version, int(address))))

    def words(self) -> tuple[str, ...]:
        """For people."""
        return (*self.names, *map(str, self.addresses))

    def said(self) -> x509.NameConstraints:
        """As the certificate says it: of each kind something is permitted, or all is excluded."""
        families = {address.version for address in self.addresses}
        excluded = [_ANY_IPV4] * (4 not in families) + [_ANY_IPV6] * (6 not in families)
        return x509.NameConstraints(
            permitted_subtrees=[
                *(x509.DNSName(name) for name in self.names or [NOBODY]),
                *(x509.IPAddress(ip_network(address)) for address in self.addresses),
            ],
            excluded_subtrees=[x509.IPAddress(network) for network in excluded] or None,
        )
