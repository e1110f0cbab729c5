"""How soon a proxy that has ended is started again."""

from dataclasses import dataclass

SOUND_S = 10.0
"""A proxy that lived so long was well; one that ends sooner would do so again."""
FIRST_S = 0.1
LONGEST_S = 5.0
QUICK_DEATHS = 6
"""In a row, and whatever is wrong will not go away by itself soon."""
SLOW_S = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How many times in a row it has ended, each time soon after its start."""

    deaths: int = 0

    def after(self, lived_s: float) -> "Pace":
        """One more end, of a proxy that had lived for `lived_s`."""
        return Pace(1 if lived_s >= SOUND_S else self.deaths + 1)

    @property
    def hopeless(self) -> bool:
        """It is tried again all the same: what is wrong may be put right while CMD runs."""
        return self.deaths >= QUICK_DEATHS

    @property
    def wait_s(self) -> float:
        """Until the next start: at once after the first end, doubled after each that follows."""
        if self.hopeless:
            return SLOW_S
        return min(FIRST_S * (1 << max(0, self.deaths - 1)), LONGEST_S)
