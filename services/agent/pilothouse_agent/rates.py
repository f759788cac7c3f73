"""Counters become rates here: monotonic clock, wrap and reset safe; no value where there is none.

A ``Row`` is one line of a kernel file (or one key/value file): its columns are gauges or counters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan

from pilothouse_common.contract.samples import Sample


@dataclass(frozen=True, slots=True)
class Field:
    """What one column means.

    Attributes:
        metric: Name in the catalogue.
        rate: The column counts up, the metric is its increase per second.
        factor: From the kernel's unit to the catalogue's.
        bits: Width of the counter, where it wraps to zero.
    """

    metric: str
    rate: bool = False
    factor: float = 1
    bits: int = 64


def counter(metric: str, factor: float = 1, bits: int = 64) -> Field:
    """Return a field that counts up."""
    return Field(metric, True, factor, bits)


class Row:
    """Turns the columns of one row into samples; a column whose field is None is not told.

    Args:
        fields: One per column.
        tags: ``type``, ``type_id``, ``stype`` and ``stype_id`` of every sample of this row.
    """

    def __init__(self, fields: Sequence[Field | None], tags: tuple[str, ...] = ()) -> None:
        kept = [(i, f) for i, f in enumerate(fields) if f is not None]
        self._gauges = [(i, f.metric, f.factor) for i, f in kept if not f.rate]
        self._counters = [(f.metric, f.factor) for _, f in kept if f.rate]
        self._columns = [i for i, f in kept if f.rate]
        self._bits = [f.bits for _, f in kept if f.rate]
        self._tags = tags
        self._before: list[float] | None = None
        self._time = 0.0

    def samples(self, values: Sequence[float], monotonic_seconds: float) -> list[Sample]:
        """Return the gauges, and the rates since the last call (none in the first).

        Raises:
            IndexError: Fewer values than columns.
        """
        tags = self._tags
        out = [Sample(metric, values[i] * k, *tags) for i, metric, k in self._gauges]
        if self._columns:
            now = [values[i] for i in self._columns]
            before, elapsed = self._before, monotonic_seconds - self._time
            self._before, self._time = now, monotonic_seconds
            if before is not None and elapsed > 0:
                rates = per_second(before, now, elapsed, self._bits)
                out += [
                    Sample(metric, rate * k, *tags)
                    for (metric, k), rate in zip(self._counters, rates, strict=True)
                ]
        return out


class Mean:
    """The mean of what happened since the last call: the growth of a total by that of its count.

    Args:
        metric: Name in the catalogue.
        factor: From the kernel's unit to the catalogue's.
        tags: As of a ``Row``.
    """

    def __init__(self, metric: str, factor: float, tags: tuple[str, ...]) -> None:
        self._metric = metric
        self._factor = factor
        self._tags = tags
        self._before: tuple[float, float] | None = None

    def samples(self, total: float, count: float) -> list[Sample]:
        """Return one sample, or none when nothing happened (or a counter was reset)."""
        before, self._before = self._before, (total, count)
        if before is None or count <= before[1] or total < before[0]:
            return []
        mean = (total - before[0]) / (count - before[1])
        return [Sample(self._metric, mean * self._factor, *self._tags)]


def sum_by_name(samples: Iterable[Sample], names: Iterable[str]) -> list[Sample]:
    """Return the node's sum of the parts' values of each name that there are values of."""
    sums: dict[str, float] = {}
    for sample in samples:
        sums[sample.name] = sums.get(sample.name, 0) + sample.value
    return [Sample(name, sums[name]) for name in names if name in sums]


def per_second(
    before: Sequence[float], now: Sequence[float], seconds: float, bits: Sequence[int]
) -> list[float]:
    """Return the increase per second of each counter; NaN (no value) where it was reset."""
    rates = [(b - a) / seconds for a, b in zip(before, now, strict=True)]
    if not min(rates, default=0.0) >= 0:  # negative or, where a value was NaN, perhaps
        for i, rate in enumerate(rates):
            if rate < 0:
                rates[i] = _wrapped(before[i], now[i], bits[i]) / seconds
    return rates


def _wrapped(before: float, now: float, bits: int) -> float:
    """Tell a wrap from a reset: it goes from the last quarter of the range to the first."""
    full = 1 << bits
    if full - full // 4 <= before < full and now < full // 4:
        return full - before + now
    return nan
