"""Nobody listens where the provider should be."""

from dataclasses import dataclass

from proxy.drill.server.presence import Presence


@dataclass(frozen=True, slots=True)
class RefusedConnection:
    presence: Presence = Presence.DEAF
