"""Where a provider can be found, and whether somebody listens there."""

from enum import Enum, auto
from typing import Protocol


class Presence(Enum):
    HERE = auto()  # it listens
    DEAF = auto()  # its port is taken, and nobody listens on it
    NAMELESS = auto()  # its host's name leads to no address


class Absence(Protocol):
    """A fault of a provider that is never asked anything, since it cannot be reached."""

    @property
    def presence(self) -> Presence: ...
