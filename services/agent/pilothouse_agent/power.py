"""Energy over time: counters that wrap, readings of power that are integrated, and who told what.

Several collectors can tell what a node draws. Each puts what it found on the host's ``PowerBoard``, and
the collector ``energy`` takes from there the best account of the whole node.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

MOST_WAITING = 1000
LONGEST_GAP_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Spent:
    """Energy in joules that went in so many seconds, up to the monotonic time ``at``."""

    joules: float
    seconds: float
    at: float

    @property
    def watts(self) -> float:
        """Return the mean power."""
        return self.joules / self.seconds


class EnergyCounter:
    """A counter of energy that wraps.

    Args:
        range_joules: At which it begins again from zero; infinite where it does not.
        most_watts: More than this the part cannot draw: a larger increase is a reset, and no interval
            is told in which it could have wrapped twice.
    """

    def __init__(self, range_joules: float = inf, *, most_watts: float) -> None:
        self._range = range_joules
        self._most_watts = most_watts
        self._before: float | None = None
        self._at = 0.0

    def add(self, joules: float, at: float) -> Spent | None:
        """Return what went since the last reading; None for the first, and where there is no telling."""
        before, seconds = self._before, at - self._at
        if before is not None and seconds <= 0:
            return None
        self._before, self._at = joules, at
        if before is None:
            return None
        most = self._most_watts * seconds
        spent = joules - before
        if spent < 0:
            spent += self._range
        if most >= self._range or not 0 <= spent <= most:
            return None
        return Spent(spent, seconds, at)


class PowerIntegral:
    """Readings of power become energy: between two of them the mean of both.

    Over more than ``LONGEST_GAP_SECONDS`` without a reading nothing is assumed.
    """

    def __init__(self) -> None:
        self._before: float | None = None
        self._at = 0.0

    def add(self, watts: float, at: float) -> Spent | None:
        """Return what went since the last reading; None for the first, and after a long gap."""
        before, seconds = self._before, at - self._at
        if before is not None and seconds <= 0:
            return None
        self._before, self._at = watts, at
        if before is None or seconds > LONGEST_GAP_SECONDS:
            return None
        return Spent((before + watts) / 2 * seconds, seconds, at)


class PowerBoard:
    """Where collectors leave what they found until ``energy`` takes it; bounded when nobody does."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Spent]] = {}
        self.sources: set[str] = set()
        """Collectors that will tell something."""

    def announce(self, source: str) -> None:
        """Say at the start that ``source`` is going to tell."""
        self.sources.add(source)

    def tell(self, source: str, spent: Spent | None) -> None:
        """Leave energy that ``source`` accounts for: ``cray``, ``ipmi``, ``psys``, ``rapl`` or ``gpu``."""
        if spent is not None:
            self._waiting.setdefault(source, deque(maxlen=MOST_WAITING)).append(spent)

    def take(self, source: str) -> list[Spent]:
        """Return what ``source`` told since the last time, oldest first."""
        return list(self._waiting.pop(source, ()))
