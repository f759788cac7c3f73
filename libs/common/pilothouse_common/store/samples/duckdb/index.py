"""The dictionary of series in memory, with the newest point of each: found without asking the file.

Planning a join costs DuckDB more than reading an hour of one series. A question about few series is
therefore asked by their numbers, and one about newest values is not asked of it at all.
"""

from collections.abc import Iterable, Sequence

from pilothouse_common.store.samples.duckdb.schema import SeriesKey
from pilothouse_common.store.samples.port import Last, Selection

NEVER = -(2**63)


class SeriesIndex:
    """Series by number. One thread adds, any thread asks: lists only grow, entries are replaced whole."""

    def __init__(self) -> None:
        self.keys: list[SeriesKey] = []
        self._newest: list[tuple[int, float]] = []
        self._of_metric: dict[tuple[str, str], list[int]] = {}
        self._of_host: dict[str, dict[str, list[int]]] = {}

    def add(self, key: SeriesKey, time: int = NEVER, value: float = 0.0) -> None:
        """Add the next series; it is asked for once it has a point."""
        number = len(self.keys)
        self.keys.append(key)
        self._newest.append((time, value))
        self._of_metric.setdefault((key.cluster, key.metric), []).append(number)
        hosts = self._of_host.setdefault(key.cluster, {})
        hosts.setdefault(key.hostname, []).append(number)

    def stored(self, series: Iterable[int], times: Iterable[int], values: Iterable[float]) -> None:
        """Note points that are stored now."""
        newest = self._newest
        for number, time, value in zip(series, times, values, strict=True):
            if time >= newest[number][0]:
                newest[number] = (time, value)

    def newest_second(self, number: int) -> int:
        """Return the time of the newest stored point of a series."""
        return self._newest[number][0]

    def numbers(self, selection: Selection) -> list[int]:
        """Return the numbers of the series that a selection means."""
        wanted = frozenset(selection.hostnames)
        return [
            number
            for number in tuple(self._of_metric.get((selection.cluster, selection.metric), ()))
            if (not wanted or self.keys[number].hostname in wanted)
            and _fits(self.keys[number], selection)
        ]

    def last(
        self, cluster: str, metrics: Sequence[str], *, since: int, hostname: str
    ) -> list[Last]:
        """Return the newest points of node-level series of no job."""
        wanted = frozenset(metrics)
        found: dict[tuple[str, str, str, str], Last] = {}
        for number in self._of(cluster, hostname):
            key, (time, value) = self.keys[number], self._newest[number]
            if key.metric not in wanted or key.type != "node" or key.jobid or time < since:
                continue
            part = (key.hostname, key.metric, key.type_id, key.stype_id)
            known = found.get(part)
            if known is None or known.time < time:
                found[part] = Last(*part, time, value)
        return list(found.values())

    def metrics(self, cluster: str, *, since: int, hostname: str) -> list[str]:
        """Return the names of the metrics with a point since then, sorted."""
        names = {
            self.keys[number].metric
            for number in self._of(cluster, hostname)
            if self._newest[number][0] >= since
        }
        return sorted(names)

    def _of(self, cluster: str, hostname: str) -> list[int]:
        hosts = self._of_host.get(cluster, {})
        if hostname:
            return list(hosts.get(hostname, ()))
        return [number for numbers in list(hosts.values()) for number in list(numbers)]


def _fits(key: SeriesKey, selection: Selection) -> bool:
    return (
        key.type == selection.type
        and key.jobid == selection.jobid
        and (not selection.stype_id or key.stype_id == selection.stype_id)
        and not (selection.whole and key.stype_id)
    )
