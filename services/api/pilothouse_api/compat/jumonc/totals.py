"""Counters since the start, from our rates.

JuMonC tells counters since its own start. Our series are rates, each the mean since the sample before
it; so a rate times that time is what was counted, and their sum is the counter. It begins at 0 when this
process starts; what was not measured (an agent that was away) is not counted.
"""

import math
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.samples.port import SampleStore, Selection

from pilothouse_api.compat.jumonc.values import REMEMBERED_SECONDS, Part

OVERLAP = timedelta(minutes=1)
"""Nodes do not send at the same second: the newest of one may be older than that of another. Before the
start it tells what there is to count."""
MAX_GAP_SECONDS = 300
FINE_POINTS = 3600
_MAX_KEYS = 1000
Key = tuple[str, str, tuple[str, ...]]
"""Cluster, metric, hostnames."""


@dataclass(slots=True)
class _Count:
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked_until: float = -math.inf
    counted_until: datetime | None = None
    sums: dict[Part, float] = field(default_factory=dict)
    newest: dict[Part, int] = field(default_factory=dict)


class Totals:
    """Adds rates up, a little at each question. Safe to use from several threads."""

    def __init__(self, samples: SampleStore, clock: Clock) -> None:
        self._samples = samples
        self._clock = clock
        self._since = clock.now()
        self._since_second = self._since.timestamp()
        self._lock = threading.Lock()
        self._counts: dict[Key, _Count] = {}

    def of(self, cluster: str, metric: str, hostnames: tuple[str, ...]) -> dict[Part, float]:
        """Return the counters of a metric by hostname and device.

        Raises:
            StoreUnavailable: The store cannot answer now.
        """
        with self._lock:
            if len(self._counts) >= _MAX_KEYS:  # counted anew from the start when asked again
                self._counts.clear()
            count = self._counts.setdefault((cluster, metric, hostnames), _Count())
        with count.lock:
            if self._clock.monotonic() >= count.asked_until:
                self._advance(count, cluster, metric, hostnames)
                count.asked_until = self._clock.monotonic() + REMEMBERED_SECONDS
            return dict(count.sums)

    def _advance(
        self, count: _Count, cluster: str, metric: str, hostnames: tuple[str, ...]
    ) -> None:
        now = self._clock.now()
        start = (count.counted_until or self._since) - OVERLAP
        end = now + timedelta(seconds=1)
        resolution = max(1, math.ceil((end - start).total_seconds() / FINE_POINTS))
        selection = Selection(
            cluster=cluster, metric=metric, start=start, end=end, hostnames=hostnames
        )
        for series in self._samples.series(selection, resolution_seconds=resolution):
            part = (series.hostname, series.stype_id)
            for time, rate in zip(series.times, series.values, strict=True):
                self._add(count, part, time, rate)
        count.counted_until = now

    def _add(self, count: _Count, part: Part, time: int, rate: float) -> None:
        last = count.newest.get(part)
        if last is not None and time <= last:
            return
        if last is None:  # when that what this rate is the mean of began is not known
            count.sums[part] = 0.0
        elif time > self._since_second:
            begin = max(last, self._since_second)
            count.sums[part] += rate * min(time - begin, MAX_GAP_SECONDS)
        count.newest[part] = time
