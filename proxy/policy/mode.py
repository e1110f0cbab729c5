"""Which tier of targets comes first, or alone: `mode` in a policy, AI_INFERENCE_MODE over it.

    cloud_first    cloud, server, device          cloud_only     cloud
    server_first   server, cloud, device          server_only    server
    device_first   device, server, cloud          device_only    device
    phone_first and phone_only are other words for device_first and device_only

`*_only` also turns fallback off: one target of the tier, and nobody in its place.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

VARIABLE = "AI_INFERENCE_MODE"


class Tier(StrEnum):
    """Where an upstream runs."""

    CLOUD = "cloud"
    SERVER = "server"
    DEVICE = "device"


class Mode(StrEnum):
    CLOUD_FIRST = "cloud_first"
    SERVER_FIRST = "server_first"
    DEVICE_FIRST = "device_first"
    PHONE_FIRST = "phone_first"
    CLOUD_ONLY = "cloud_only"
    SERVER_ONLY = "server_only"
    DEVICE_ONLY = "device_only"
    PHONE_ONLY = "phone_only"

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers that may answer, the preferred first."""
        return _TIERS[self]

    @property
    def alone(self) -> bool:
        """Whether nobody may stand in for who is asked."""
        return len(self.tiers) == 1


_CLOUD, _SERVER, _DEVICE = Tier.CLOUD, Tier.SERVER, Tier.DEVICE
_TIERS: Mapping[Mode, tuple[Tier, ...]] = {
    Mode.CLOUD_FIRST: (_CLOUD, _SERVER, _DEVICE),
    Mode.SERVER_FIRST: (_SERVER, _CLOUD, _DEVICE),
    Mode.DEVICE_FIRST: (_DEVICE, _SERVER, _CLOUD),
    Mode.PHONE_FIRST: (_DEVICE, _SERVER, _CLOUD),
    Mode.CLOUD_ONLY: (_CLOUD,),
    Mode.SERVER_ONLY: (_SERVER,),
    Mode.DEVICE_ONLY: (_DEVICE,),
    Mode.PHONE_ONLY: (_DEVICE,),
}

_T = TypeVar("_T")


def chosen(written: Mode | None, environ: Mapping[str, str]) -> Mode | None:
    """The mode in force. Raises ValueError with the allowed words where the variable has none."""
    word = environ.get(VARIABLE, "").strip().lower()
    if not word:
        return written
    try:
        return Mode(word)
    except ValueError:
        raise ValueError(
            f"{VARIABLE} must be one of {', '.join(Mode)}, not {word[:60]!r}"
        ) from None


def arranged(
    mode: Mode | None, targets: Sequence[_T], tier: Callable[[_T], Tier]
) -> tuple[_T, ...]:
    """`targets` as `mode` wants them asked: sorted by tier, each tier in its own order; of one tier
    alone its first, or none."""
    if mode is None:
        return tuple(targets)
    allowed = [target for each in mode.tiers for target in targets if tier(target) is each]
    return tuple(allowed[:1] if mode.alone else allowed)
