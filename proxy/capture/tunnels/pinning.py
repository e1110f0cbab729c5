"""Clients that do not take our certificate: they pin the provider's, or were not told of our CA."""

from dataclasses import dataclass, field

from proxy.core.event import CertificateRefused
from proxy.core.journal import Hear

SILENT = 3
"""So many connections in a row on which TLS was made and nothing asked: some clients (Node's) look
at a certificate only after the handshake, and just leave."""

LEFT = "they left without a request each time"
"""The word of those."""


@dataclass(slots=True)
class _Seen:
    silent: int = 0
    trusted: bool = False
    refused: bool = False


@dataclass(slots=True)
class Pinning:
    """What is known of each host. Hosts of upstreams only, so there is an end to them."""

    hear: Hear
    _hosts: dict[str, _Seen] = field(default_factory=dict)

    def refused(self, host: str, told: str, tunnel: bool, certain: bool = True) -> None:
        """A client said so. Told once; `tunnel`: the policy has its connections carried blind."""
        seen = self._of(host)
        if not seen.refused:
            seen.refused = True
            self.hear(CertificateRefused(host, told, tunnel, certain), None)

    def trusted(self, host: str) -> None:
        """A client asks behind our certificate. Said at once: its connection may last for days, or
        become a WebSocket."""
        seen = self._of(host)
        seen.trusted, seen.silent = True, 0

    def silent(self, host: str, tunnel: bool) -> None:
        """A connection has ended on which TLS was made, and nothing asked."""
        seen = self._of(host)
        if not seen.trusted:
            seen.silent += 1
            if seen.silent >= SILENT:
                self.refused(host, LEFT, tunnel, certain=False)

    def hosts(self) -> tuple[str, ...]:
        """For which our certificate was refused."""
        return tuple(host for host, seen in self._hosts.items() if seen.refused)

    def forget(self) -> None:
        """Clients may try again: another policy is in force."""
        self._hosts.clear()

    def is_refused(self, host: str) -> bool:
        """Whether a client has refused our certificate for `host`."""
        seen = self._hosts.get(host)
        return seen is not None and seen.refused

    def _of(self, host: str) -> _Seen:
        return self._hosts.setdefault(host, _Seen())
