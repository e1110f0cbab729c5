"""The provider's name leads to no address."""

from dataclasses import dataclass

from proxy.drill.server.presence import Presence


@dataclass(frozen=True, slots=True)
class NoSuchName:
    presence: Presence = Presence.NAMELESS
