"""Values of our metrics: the newest, means over a time, and whether anybody measures them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.samples.port import SampleStore, Selection

from pilothouse_api.compat.jumonc.nodes import Host
from pilothouse_api.compat.jumonc.remembered import Remembered
from pilothouse_api.nodes.newest import LOOK_BACK

REMEMBERED_SECONDS = 1.0
AVAILABLE_SECONDS = 10.0
ACCELERATOR_LOOK_BACK = timedelta(minutes=2)
ONE_BUCKET_SECONDS = 2**31
"""A grid so coarse that all there is lies in its first bucket."""
Part = tuple[str, str]
"""Hostname, and device or accelerator (empty: the node's own value)."""


class Values:
    """Asks the sample store; remembers for a moment. Safe to use from several threads.

    Everything raises StoreUnavailable when the store cannot answer now.
    """

    def __init__(self, samples: SampleStore, clock: Clock) -> None:
        self._samples = samples
        self._clock = clock
        self._newest: Remembered[tuple[object, ...], dict[str, dict[Part, float]]] = Remembered(
            clock, REMEMBERED_SECONDS
        )
        self._parts: Remembered[tuple[object, ...], dict[Part, float]] = Remembered(
            clock, REMEMBERED_SECONDS
        )
        self._available: Remembered[str, frozenset[str]] = Remembered(clock, AVAILABLE_SECONDS)

    def newest(self, hosts: Sequence[Host], metrics: Sequence[str]) -> dict[str, dict[Part, float]]:
        """Return by metric the newest node-level values of the last minutes, of each part.

        ``hosts`` are of one cluster; others of that cluster may be in the answer.
        """
        cluster, only = hosts[0].cluster, hosts[0].hostname if len(hosts) == 1 else ""

        def ask() -> dict[str, dict[Part, float]]:
            found: dict[str, dict[Part, float]] = {metric: {} for metric in metrics}
            since = self._clock.now() - LOOK_BACK
            for row in self._samples.last(cluster, metrics, since=since, hostname=only):
                found[row.metric][row.hostname, row.stype_id] = row.value
            return found

        return self._newest.get((cluster, only, tuple(metrics)), ask)

    def newest_of_accelerators(self, hosts: Sequence[Host], metric: str) -> dict[Part, float]:
        """Return the newest value of each accelerator, by hostname and id, in the order of the store."""
        cluster, names = hosts[0].cluster, tuple(host.hostname for host in hosts)

        def ask() -> dict[Part, float]:
            now = self._clock.now()
            selection = Selection(
                cluster=cluster,
                metric=metric,
                start=now - ACCELERATOR_LOOK_BACK,
                end=now + timedelta(seconds=1),
                hostnames=names,
                type="accelerator",
            )
            found = self._samples.series(selection, resolution_seconds=1)
            return {
                (s.hostname, s.type_id): s.values[-1] for s in found if s.values and not s.stype_id
            }

        return self._parts.get((cluster, names, metric), ask)

    def mean(
        self, hosts: Sequence[Host], metric: str, start: datetime, end: datetime
    ) -> dict[Part, float]:
        """Return the mean over a time, of each part."""
        selection = Selection(
            cluster=hosts[0].cluster,
            metric=metric,
            start=start,
            end=end,
            hostnames=tuple(host.hostname for host in hosts),
        )
        found = self._samples.series(selection, resolution_seconds=ONE_BUCKET_SECONDS)
        return {(s.hostname, s.stype_id): s.values[0] for s in found if s.values}

    def available(self, cluster: str) -> frozenset[str]:
        """Return the names of all metrics that somebody measured in the last minutes."""

        def ask() -> frozenset[str]:
            since = self._clock.now() - LOOK_BACK
            return frozenset(self._samples.metrics(cluster, since=since))

        return self._available.get(cluster, ask)


def of_node(parts: Mapping[Part, float], hostname: str) -> float | None:
    """Return a node's own value, else the sum over its devices, else None."""
    own = parts.get((hostname, ""))
    if own is not None:
        return own
    devices = [value for (name, _), value in parts.items() if name == hostname]
    return sum(devices) if devices else None
