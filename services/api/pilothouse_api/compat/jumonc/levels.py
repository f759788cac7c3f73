"""JuMonC's ladder of access levels, as our bundles of scopes."""

from collections.abc import Set
from dataclasses import dataclass

from pilothouse_common.contract.scopes import BUNDLES


@dataclass(frozen=True, slots=True, order=True)
class Level:
    """One rung; a higher number may do all that a lower one may."""

    number: int
    name: str


LEVELS: tuple[Level, ...] = tuple(
    Level(number, name) for number, name in zip((0, 5, 10, 15, 20, 100), BUNDLES, strict=True)
)
SEE_LINKS, RETRIEVE_DATA, COMPUTE_DATA, RETRIEVE_SIMULATION_DATA, COMPUTE_SIMULATION_DATA, FULL = (
    LEVELS
)


def level_of(scopes: Set[str]) -> Level | None:
    """Return the highest level whose scopes are all there; None below the ladder."""
    reached = (level for level in reversed(LEVELS) if BUNDLES[level.name] <= scopes)
    return next(reached, None)
