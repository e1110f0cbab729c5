"""The numbers of the door: who was turned away, what was carried unread, who distrusts us."""

from proxy.core.event import AuthorityIssued, CertificateRefused, Tunnelled, TurnedAway
from proxy.telemetry.shelf import Shelf


class DoorNumbers:
    """Counts on the shelf. Hosts are of requests, so they are no labels."""

    def __init__(self, shelf: Shelf) -> None:
        self._turned_away = shelf.counter(
            "turned_away_total", "Requests and connections not served.", "face", "status", "reason"
        )
        self._tunnels = shelf.counter(
            "tunnels_total", "Connections carried unread that ended.", "face", "outcome"
        )
        self._bytes = shelf.counter(
            "tunnel_bytes_total", "What those carried, up to a host or down.", "face", "direction"
        )
        self._distrusted = shelf.counter(
            "certificates_refused_total", "Hosts for which a client trusts us not.", "tunnelled"
        )
        self._issued = shelf.counter(
            "authority_issued_total", "Certificates that the local CA got.", "outcome"
        )

    def turned_away(self, event: TurnedAway) -> None:
        self._turned_away.add((event.face, str(event.status), event.reason))

    def tunnelled(self, event: Tunnelled) -> None:
        self._tunnels.add((event.face, "broken" if event.error else "complete"))
        self._bytes.add((event.face, "up"), event.up_bytes)
        self._bytes.add((event.face, "down"), event.down_bytes)

    def distrusted(self, event: CertificateRefused) -> None:
        self._distrusted.add(("true" if event.tunnelled else "false",))

    def issued(self, event: AuthorityIssued) -> None:
        self._issued.add(("failed" if event.error else "renewed" if event.renewed else "first",))
