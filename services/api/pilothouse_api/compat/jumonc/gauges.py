"""Answers of the metrics in the catalogue: CPU, memory, disks, facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pilothouse_common.runtime.clock import Clock

from pilothouse_api.compat.jumonc.catalogue import Leaf
from pilothouse_api.compat.jumonc.nodes import Host
from pilothouse_api.compat.jumonc.numbers import Entry, entry, entry_of_many
from pilothouse_api.compat.jumonc.question import Measured, Question, clusters_of, not_measured
from pilothouse_api.compat.jumonc.totals import Totals
from pilothouse_api.compat.jumonc.values import Part, Values, of_node
from pilothouse_api.nodes.newest import NewestValues
from pilothouse_api.nodes.service import UP_INTERVALS

SHORTEST_UP_SECONDS = 10.0
"""A node that samples every second may be late by more than its jobs leave it time for."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where values come from."""

    values: Values
    totals: Totals
    newest: NewestValues
    clock: Clock

    def up(self, hosts: Sequence[Host]) -> frozenset[str]:
        """Return the hostnames of one cluster's nodes that send: values of others are nobody's."""
        now = self.clock.now()
        found = self.newest.of(hosts[0].cluster, hosts[0].hostname if len(hosts) == 1 else "")
        times = [(host, found[host.hostname].time) for host in hosts if host.hostname in found]
        return frozenset(
            host.hostname
            for host, time in times
            if time is not None and now - time <= timedelta(seconds=up_seconds([host]))
        )

    def mean(
        self, hosts: Sequence[Host], metric: str, start: datetime, end: datetime
    ) -> dict[Part, float]:
        """Return the mean over a time, of each part; the newest value where no node has a sample in it.

        A time can be shorter than the interval of the samples: each of them stands for all of it.
        """
        found = self.values.mean(hosts, metric, start, end)
        return found or self.values.newest(hosts, (metric,))[metric]


def measure(sources: Sources, leaf: Leaf, hosts: Sequence[Host], question: Question) -> Measured:
    """Return the answer of one metric.

    Of one node it is its value; of several a list inside a text, with ``None`` for a node that is
    silent, so that the others keep their places.

    Raises:
        NotFound: No node has a value.
        StoreUnavailable: The store cannot answer now.
    """
    values = (
        _facts(leaf, hosts) if leaf.kind == "fact" else _numbers(sources, leaf, hosts, question)
    )
    if all(value is None for value in values):
        raise not_measured()
    body = _entry(leaf, values, question)
    return Measured([body], {name: str(value) for name, value in body.items()})


def _facts(leaf: Leaf, hosts: Sequence[Host]) -> list[Any]:
    if not leaf.metrics:
        return [host.hostname for host in hosts]
    return [host.hardware.get(leaf.metrics[0]) for host in hosts]


def _numbers(
    sources: Sources, leaf: Leaf, hosts: Sequence[Host], question: Question
) -> list[float | None]:
    values: list[float | None] = []
    for group in clusters_of(hosts):
        found = _parts(sources, leaf, group, question.duration_seconds)
        up = sources.up(group)
        for host in group:
            value = _combine(leaf, [of_node(parts, host.hostname) for parts in found])
            values.append(value if host.hostname in up else None)
    return values


def _parts(
    sources: Sources, leaf: Leaf, hosts: Sequence[Host], duration: float
) -> list[dict[Part, float]]:
    if duration > 0:
        end = sources.clock.now() + timedelta(seconds=1)
        start = end - timedelta(seconds=duration)
        return [sources.mean(hosts, metric, start, end) for metric in leaf.metrics]
    if leaf.kind == "counter":
        names = tuple(host.hostname for host in hosts)
        return [sources.totals.of(hosts[0].cluster, metric, names) for metric in leaf.metrics]
    newest = sources.values.newest(hosts, leaf.metrics)
    return [newest[metric] for metric in leaf.metrics]


def up_seconds(hosts: Sequence[Host]) -> float:
    """Return how long a node may be silent before its values are nobody's."""
    longest = max(host.interval_seconds for host in hosts)
    return max(UP_INTERVALS * longest, SHORTEST_UP_SECONDS)


def _combine(leaf: Leaf, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if leaf.kind == "rest":
        return round(max(0.0, 100.0 - sum(known)), 1)
    return sum(known) * leaf.scale


def _entry(leaf: Leaf, values: Sequence[Any], question: Question) -> dict[str, Any] | Entry:
    if leaf.unit is None:
        return {leaf.label: values[0] if len(values) == 1 else str(list(values))}
    per_second = question.duration_seconds > 0 and leaf.kind == "counter"
    unit = f"{leaf.unit}/s" if per_second else leaf.unit
    if question.duration_seconds <= 0:
        values = [None if value is None else round(value) for value in values]
    if len(values) == 1:
        return entry(leaf.label, unit, values[0], human=question.human)
    return entry_of_many(leaf.label, unit, values)
