"""To which hosts of no upstream a request may be passed through: what `passthrough` says of one.

It knows names and addresses as they are written. That the address which a name leads to may be
dialled is for `upstream.address` to say, at every attempt.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from proxy.policy.words import wrong

ALLOW: Literal["allow"] = "allow"
DENY: Literal["deny"] = "deny"

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
"""What the last part of a name looks like that systems read as an address (WHATWG URL 3.5)."""

_WITH_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:/\[\]]+):([0-9]{1,5})")
_LAST_PORT = 65535

_RIGHT = "write one like pypi.org, '*.example.com', 192.168.1.20 or 10.0.0.0/8"
_SHOWN = 10  # entries that a refusal names

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address_of(host: str) -> _Ip | None:
    """The address that `host` (with or without brackets or a zone) spells; None of a name. An IPv4
    address in the clothes of IPv6 (RFC 4291 2.5.5.2) is one of IPv4."""
    bare = host.removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        ip = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def _entry(value: str) -> str:
    """A host, `*.suffix`, address or network of a list, in its one spelling; a host or an address
    may have a port."""
    if (parts := _WITH_PORT.fullmatch(value)) is not None:
        host, port = _entry(parts[1].strip("[]")), int(parts[2])
        if not 0 < port <= _LAST_PORT or host.startswith("*"):
            raise wrong("has no port that there is", _RIGHT, quote=True)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if (ip := address_of(value)) is not None:
        if "%" in value:
            raise wrong("has a zone", _RIGHT, quote=True)
        return str(ip)
    if "/" in value:
        try:
            return str(ipaddress.ip_network(value))
        except ValueError as error:
            raise wrong(f"is no network ({error})", _RIGHT, quote=True) from None
    name = value.lower().removesuffix(".")
    bare = name.removeprefix("*.")
    if not _NAME.fullmatch(bare):
        raise wrong("is no host", _RIGHT, quote=True)
    if _NUMBER.fullmatch(bare.rpartition(".")[2]):
        raise wrong("is an address in an odd spelling", _RIGHT, quote=True)
    return name


def _as_list(value: object) -> object:
    if isinstance(value, str) and value not in (ALLOW, DENY):
        right = "write one of them, or a list of hosts, addresses and networks"
        raise wrong("is neither allow nor deny", right, quote=True)
    return (value,) if isinstance(value, str) else value


def _as_written(entries: tuple[str, ...]) -> "Passthrough":
    if len(entries) == 1 and entries[0] == ALLOW:
        return ALLOW
    return DENY if len(entries) == 1 and entries[0] == DENY else entries


@dataclass(frozen=True, slots=True)
class AllowDenyOrHosts:
    """Marks `allow`, `deny`, or a list of those whom a request may be passed through to."""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        entry = core_schema.no_info_after_validator_function(_entry, core_schema.str_schema())
        entries = core_schema.tuple_variable_schema(entry, min_length=1)
        before = core_schema.no_info_before_validator_function(_as_list, entries)
        return core_schema.no_info_after_validator_function(_as_written, before)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        entries = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"anyOf": [{"enum": [ALLOW, DENY]}, entries]}


Passthrough = Literal["allow", "deny"] | tuple[str, ...]
"""As a snapshot has it. Entries are lower-case, addresses and networks in their one spelling."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Which hosts of no upstream a request may be passed through to."""

    everybody: bool
    names: frozenset[str]
    suffixes: tuple[str, ...]
    networks: tuple[_Network, ...]
    doors: frozenset[tuple[str, int]]
    """Hosts and addresses that are listed with a port, and these."""
    why_not: str
    """Why a host is not admitted, to follow `it is the host of no upstream and `."""

    @classmethod
    def of(cls, passthrough: Passthrough | None, loopback: bool) -> "Passage":
        """By a policy's `passthrough`. Where it says nothing, a listener on `loopback` admits all,
        and one that others can reach nobody."""
        if passthrough is None:
            passthrough = ALLOW if loopback else DENY
        if isinstance(passthrough, str):
            nobody = frozenset[tuple[str, int]]()
            return cls(passthrough == ALLOW, frozenset(), (), (), nobody, "passthrough is denied")
        names, suffixes, networks, doors = set(), [], [], set()
        for entry in passthrough:
            if (parts := _WITH_PORT.fullmatch(entry)) is not None:
                doors.add((parts[1].strip("[]"), int(parts[2])))
            elif "/" in entry or address_of(entry) is not None:
                networks.append(ipaddress.ip_network(entry))
            elif entry.startswith("*."):
                suffixes.append(entry[1:])
            else:
                names.add(entry)
        shown = ", ".join(passthrough[:_SHOWN]) + ", ..." * (len(passthrough) > _SHOWN)
        why_not = f"passthrough is for others only: {shown}"
        return cls(
            False, frozenset(names), tuple(suffixes), tuple(networks), frozenset(doors), why_not
        )

    def admits(self, host: str, port: int) -> bool:
        """Whether a request for `host`, a name or an address, may be passed through at all."""
        if self.everybody or self.exempts(host, port):
            return True
        return self._name(host).endswith(self.suffixes) and address_of(host) is None

    def lists(self, host: str, port: int) -> bool:
        """Whether the policy has this very host with this very port."""
        ip = address_of(host)
        return (self._name(host) if ip is None else str(ip), port) in self.doors

    def exempts(self, host: str, port: int) -> bool:
        """Whether the policy means this very host: by its name, or as an address of a network.

        It may be a private one then. Whoever gives out names under a `*.suffix` could give one to
        any address, so a name that only fits such an entry is a stranger's like any other.
        """
        if self.lists(host, port):
            return True
        ip = address_of(host)
        if ip is None:
            return self._name(host) in self.names
        return any(ip in network for network in self.networks)

    @staticmethod
    def _name(host: str) -> str:
        return host.lower().removesuffix(".")
