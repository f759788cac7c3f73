"""From a window and a wish to a grid of round steps, and how much work that may be."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pilothouse_common.errors import Malformed

MAX_POINTS = 10_000
MAX_VALUES = 1_000_000
DEFAULT_POINTS = 200
_STEPS = (
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600,
    43_200, 86_400,
)  # fmt: skip
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Grid:
    """A window and its buckets.

    Attributes:
        start: From here, included.
        end: To here, excluded.
        resolution_seconds: Length of a bucket; bucket starts are multiples of it since 1970.
    """

    start: datetime
    end: datetime
    resolution_seconds: int

    @property
    def points(self) -> int:
        """The most values that one series can have."""
        step = self.resolution_seconds
        first = int(self.start.timestamp()) // step
        last = -(-self.end.timestamp() // step)
        return max(1, int(last) - first)


def lay_grid(
    start: datetime,
    end: datetime,
    *,
    points: int | None,
    resolution_seconds: int | None,
    finest_seconds: float = 1,
) -> Grid:
    """Choose the step: as asked, else the smallest round one that gives at most ``points`` buckets.

    ``finest_seconds`` is the interval of the samples: finer buckets would be empty every other time.

    Raises:
        Malformed: Both wishes at once, or more than MAX_POINTS buckets.
    """
    if points is not None and resolution_seconds is not None:
        raise Malformed("points, resolution_seconds: give one of them")
    span = max(1.0, (end - start).total_seconds())
    if resolution_seconds is None:
        resolution_seconds = round_step(max(span / (points or DEFAULT_POINTS), finest_seconds))
    grid = Grid(start, end, resolution_seconds)
    if grid.points > MAX_POINTS + 1:
        raise Malformed(
            f"resolution_seconds: {resolution_seconds} s over {span:.0f} s are {grid.points} points, "
            f"at most {MAX_POINTS}"
        )
    return grid


def round_step(seconds: float) -> int:
    """Return the smallest round step that is not shorter: divisors of an hour or day, else days."""
    for step in _STEPS:
        if step >= seconds:
            return step
    return int(-(-seconds // _DAY)) * _DAY


def check_work(*, metrics: int, parts: int, points: int) -> None:
    """Refuse questions whose answer nobody can draw.

    Raises:
        Malformed: With what to ask for instead.
    """
    values = metrics * parts * points
    if values > MAX_VALUES:
        raise Malformed(
            f"{metrics} metrics x {parts} series x {points} points are {values} values, at most "
            f"{MAX_VALUES}: ask for fewer metrics, points or nodes (hostname=), or for over_nodes="
        )


def snap(time: datetime, step: int) -> datetime:
    """Return the start of the bucket that a time falls into."""
    return datetime.fromtimestamp(int(time.timestamp()) // step * step, UTC)
