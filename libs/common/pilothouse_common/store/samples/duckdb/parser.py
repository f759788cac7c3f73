"""Line protocol into columns: a series is parsed once, after that its text is looked up."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pilothouse_common.contract.samples import Point, decompress, parse_line
from pilothouse_common.errors import Malformed
from pilothouse_common.store.samples.duckdb.schema import SeriesKey, series_key

_TAIL = re.compile(r"([-+0-9.eE]{1,32}) (-?[0-9]{1,10})")
_MAX_SECONDS = 9_223_372_036
"""What fits nanoseconds in 64 bits: InfluxDB's limit, so that both stores refuse the same."""
_MAX_TEXTS = 500_000
_SHOWN = 3


@dataclass
class Columns:
    """Points column by column, and the lines that are none."""

    series: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def refusal(self) -> str:
        """Say which lines were refused, and how many."""
        more = len(self.refused) - _SHOWN
        tail = f"; and {more} more" if more > 0 else ""
        return "; ".join(self.refused[:_SHOWN]) + tail


class Parser:
    """Turns bodies into columns. Not safe for several threads: the writer's lock guards it.

    Args:
        number_of: Returns the number of a series, giving it one when it is new.
    """

    def __init__(self, number_of: Callable[[SeriesKey], int]) -> None:
        self._number_of = number_of
        self._numbers: dict[str, int] = {}

    def parse(self, bodies: Iterable[bytes]) -> Columns:
        """Return the points of all good lines; a body that cannot be read is refused as a whole."""
        columns = Columns()
        for body in bodies:
            try:
                text = decompress(body).decode("utf-8")
            except (Malformed, UnicodeDecodeError) as exc:
                columns.refused.append(str(exc))
            else:
                self._parse_text(text, columns)
        return columns

    def _parse_text(self, text: str, columns: Columns) -> None:
        numbers = self._numbers
        series, times, values = columns.series, columns.times, columns.values
        for position, line in enumerate(text.split("\n"), 1):
            key, _, tail = line.rpartition(" value=")
            number = numbers.get(key)
            match = _TAIL.fullmatch(tail)
            if number is None or match is None:
                self._parse_slowly(position, line, columns)
                continue
            try:
                value = float(match[1])
            except ValueError:
                self._parse_slowly(position, line, columns)
                continue
            time = int(match[2])
            if value - value != 0.0 or not -_MAX_SECONDS <= time <= _MAX_SECONDS:
                self._parse_slowly(position, line, columns)
                continue
            series.append(number)
            times.append(time)
            values.append(value)

    def _parse_slowly(self, position: int, line: str, columns: Columns) -> None:
        line = line.rstrip("\r")
        if not line or line.startswith("#"):
            return
        try:
            point = _checked(parse_line(line), line)
        except Malformed as exc:
            columns.refused.append(f"line {position}: {exc}")
            return
        number = self._number_of(series_key(point.name, point.tags))
        if len(self._numbers) >= _MAX_TEXTS:
            self._numbers.clear()
        self._numbers[line.rpartition(" value=")[0]] = number
        columns.series.append(number)
        columns.times.append(point.time_seconds)
        columns.values.append(point.value)


def _checked(point: Point, line: str) -> Point:
    if point.value - point.value != 0.0:
        raise Malformed(f"value is not finite: {line[:120]!r}")
    if not -_MAX_SECONDS <= point.time_seconds <= _MAX_SECONDS:
        raise Malformed(f"time is outside of range: {line[:120]!r}")
    return point
