"""Counters of a site become rates: ``retries_total`` is told as ``retries_rate``, per second."""

from collections.abc import Iterable

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.site.value import Value


class SiteRates:
    """Keeps the counters of one command or file from one time to the next."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, ...], float] = {}
        self._time = 0.0

    def samples(self, values: Iterable[Value], monotonic_seconds: float) -> list[Sample]:
        """Return gauges as they are, and the increase of counters since the last call.

        A counter that is new or fell (its program began anew) has no value this time. Of a series that
        is told twice the last value counts.
        """
        now: dict[tuple[str, ...], float] = {}
        gauges: dict[tuple[str, ...], float] = {}
        for name, tags, value, counts in values:
            (now if counts else gauges)[(name, *tags)] = value
        elapsed = monotonic_seconds - self._time
        out = [Sample(key[0], value, *key[1:]) for key, value in gauges.items()]
        for key, value in now.items():
            before = self._before.get(key)
            if before is not None and value >= before and elapsed > 0:
                out.append(Sample(f"{key[0]}_rate", (value - before) / elapsed, *key[1:]))
        self._before, self._time = now, monotonic_seconds
        return out
