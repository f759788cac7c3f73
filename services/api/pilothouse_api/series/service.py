"""Asks the sample store, several questions at once, and puts the answers together."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from pilothouse_common.errors import Malformed
from pilothouse_common.store.samples.port import SampleStore, Selection, Series, Statistics

from pilothouse_api.series.choice import OWN_PREFIX, Choice
from pilothouse_api.series.grid import Grid, check_work
from pilothouse_api.series.schemas import SeriesAnswer, SeriesItem, Within

_MAX_ASKED = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """Nodes and when: one start of a job, or a node and a window.

    Attributes:
        hostnames: At least one.
        start: From here, included.
        end: To here, excluded.
    """

    hostnames: tuple[str, ...]
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """Series of some metrics over some spans of one cluster.

    Attributes:
        parts: The most series that one node may have at this level, to bound the work.
        jobid: Whose own metrics (``job_*``) are meant; empty: nobody's.
    """

    cluster: str
    metrics: Sequence[Choice]
    spans: Sequence[Span]
    grid: Grid
    type: str
    within: Within
    over_nodes: Within | None
    parts: int = 1
    jobid: str = ""

    def asked(self) -> list[tuple[Choice, Span]]:
        """Return one metric and span for each question to the store.

        Raises:
            Malformed: A job that was requeued very often, and many metrics.
        """
        asked = [(metric, span) for metric in self.metrics for span in self.spans]
        if len(asked) > _MAX_ASKED:
            raise Malformed(
                f"{len(self.metrics)} metrics x {len(self.spans)} starts of the job are too many at "
                f"once, at most {_MAX_ASKED}: ask for fewer metrics"
            )
        return asked

    def selections(self, metric: Choice, span: Span) -> tuple[Selection, Selection]:
        """Return what to ask when values are put together: totals of nodes, else of all devices."""
        every = self.selection(metric, span)
        return replace(every, whole=True), every

    def selection(self, metric: Choice, span: Span) -> Selection:
        """Return what to ask of the store."""
        return Selection(
            cluster=self.cluster,
            metric=metric.name,
            start=span.start,
            end=span.end,
            hostnames=span.hostnames,
            type=self.type,
            jobid=self.jobid if metric.name.startswith(OWN_PREFIX) else "",
        )


def ask_series(samples: SampleStore, threads: Executor, question: Question) -> SeriesAnswer:
    """Answer a question.

    Raises:
        Malformed: The answer would be larger than anybody can use.
        StoreUnavailable: The store cannot answer now.
    """
    nodes = {hostname for span in question.spans for hostname in span.hostnames}
    asked = question.asked()
    check_work(
        metrics=len(question.metrics),
        parts=1 if question.over_nodes else len(nodes) * question.parts,
        points=question.grid.points,
    )

    def ask(selection: Selection) -> list[Series]:
        return samples.series(
            selection,
            resolution_seconds=question.grid.resolution_seconds,
            within=question.within,
            over_nodes=question.over_nodes,
        )

    def ask_one(pair: tuple[Choice, Span]) -> list[Series]:
        if question.over_nodes is None:
            return ask(question.selection(*pair))
        total, every = question.selections(*pair)
        return ask(total) or ask(every)

    found: dict[str, list[Series]] = {}
    answers = threads.map(ask_one, asked) if len(asked) > 1 else map(ask_one, asked)
    for (metric, _), answer in zip(asked, answers, strict=True):
        found.setdefault(metric.name, []).extend(answer)
    combine = _COMBINE[question.over_nodes or question.within]
    return SeriesAnswer(
        start=question.grid.start,
        end=question.grid.end,
        resolution_seconds=question.grid.resolution_seconds,
        items=[
            _item(metric, question.type, series)
            for metric in question.metrics
            for series in join_series(found.get(metric.name, ()), combine)
        ],
    )


def ask_statistics(
    samples: SampleStore, threads: Executor, question: Question
) -> dict[str, list[Statistics]]:
    """Return per metric one row per node, over all spans.

    Raises:
        StoreUnavailable: The store cannot answer now.
    """

    def ask_one(pair: tuple[Choice, Span]) -> list[Statistics]:
        total, every = question.selections(*pair)
        return samples.statistics(total) or samples.statistics(every)

    asked = question.asked()
    answers = threads.map(ask_one, asked)
    found: dict[str, dict[str, Statistics]] = {}
    for (metric, _), rows in zip(asked, answers, strict=True):
        nodes = found.setdefault(metric.name, {})
        for row in rows:
            known = nodes.get(row.hostname)
            nodes[row.hostname] = row if known is None else add_statistics([known, row])
    return {name: [nodes[host] for host in sorted(nodes)] for name, nodes in found.items()}


def add_statistics(rows: Sequence[Statistics], hostname: str | None = None) -> Statistics:
    """Return the statistics over the samples of all rows (each with at least one sample)."""
    count = sum(row.count for row in rows)
    return Statistics(
        hostname=rows[0].hostname if hostname is None else hostname,
        min=min(row.min for row in rows),
        max=max(row.max for row in rows),
        avg=sum(row.avg * row.count for row in rows) / count,
        count=count,
    )


def join_series(series: Iterable[Series], combine: Callable[[float, float], float]) -> list[Series]:
    """Join series of the same part from several spans; a bucket that two share is combined."""
    parts: dict[tuple[str, str, str], list[Series]] = {}
    for each in series:
        parts.setdefault((each.hostname, each.type_id, each.stype_id), []).append(each)
    joined: list[Series] = []
    for (hostname, type_id, stype_id), same in parts.items():
        if len(same) == 1:
            joined.append(same[0])
            continue
        values: dict[int, float] = {}
        for each in same:
            for time, value in zip(each.times, each.values, strict=True):
                values[time] = combine(values[time], value) if time in values else value
        times = tuple(sorted(values))
        joined.append(Series(hostname, type_id, stype_id, times, tuple(values[t] for t in times)))
    return joined


_COMBINE: dict[str, Callable[[float, float], float]] = {
    "avg": lambda a, b: (a + b) / 2,
    "sum": lambda a, b: a + b,
    "min": min,
    "max": max,
}


def _item(metric: Choice, level: str, series: Series) -> SeriesItem:
    return SeriesItem.model_construct(
        metric=metric.name,
        unit=metric.unit,
        hostname=series.hostname or None,
        type=level,
        type_id=series.type_id,
        stype_id=series.stype_id,
        times=list(series.times),
        values=list(series.values),
    )
