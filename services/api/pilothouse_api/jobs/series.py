"""Series and statistics of one job: only its own nodes, only while it had them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pilothouse_common.errors import Malformed, NotFound
from pilothouse_common.store.records.models import Job, Node
from pilothouse_common.store.records.nodes import NodeRepository

from pilothouse_api.jobs.own import ask_own, efficiency, preferred
from pilothouse_api.jobs.schemas import JobStatistics, MetricStatistics, NodeStatistics
from pilothouse_api.nodes.series import parts_of
from pilothouse_api.nodes.service import DEFAULT_INTERVAL_SECONDS
from pilothouse_api.ports import Ports
from pilothouse_api.series.choice import choose_metrics
from pilothouse_api.series.grid import Grid, lay_grid
from pilothouse_api.series.schemas import Level, SeriesAnswer, Within
from pilothouse_api.series.service import (
    Question,
    Span,
    add_statistics,
    ask_series,
    ask_statistics,
)
from pilothouse_api.times import parse_window

_INSTANT = timedelta(seconds=1)


def series_of_job(
    ports: Ports,
    job: Job,
    *,
    metrics: Sequence[str] | None,
    level: Level,
    within: Within,
    over_nodes: Within | None,
    window: tuple[str | None, str | None],
    points: int | None,
    resolution_seconds: int | None,
    hostname: str | None,
) -> SeriesAnswer:
    """Return series of a job and its nodes within its own time (or the part of it that is asked for).

    Raises:
        NotFound: The hostname is none of the job's.
        Malformed: A window, wish or metric that makes no sense, or too much at once.
        StoreUnavailable: The sample store cannot answer now.
    """
    now = ports.clock.now()
    spans = spans_of(job, now, hostname=hostname)
    start, end = parse_window(*window, now)
    start = start or min((span.start for span in spans), default=job.listed_time)
    end = end or max((span.end for span in spans), default=start + _INSTANT)
    if start >= end:
        raise Malformed("start: not before end, which is the job's end unless it is given")
    node = _a_node(ports, job, spans)
    interval = (node and node.interval_seconds) or DEFAULT_INTERVAL_SECONDS
    own = {} if metrics else ask_own(ports, job, spans)
    grid = lay_grid(
        start, end, points=points, resolution_seconds=resolution_seconds, finest_seconds=interval
    )
    question = Question(
        cluster=job.cluster,
        metrics=choose_metrics(
            ports.samples, job.cluster, metrics, since=start, preferred=preferred(own)
        ),
        spans=cut_spans(spans, start, end),
        grid=grid,
        type=level,
        within=within,
        over_nodes=over_nodes,
        parts=parts_of(node, level),
        jobid=str(job.job_id),
    )
    return ask_series(ports.samples, ports.queries, question)


def statistics_of_job(ports: Ports, job: Job, *, metrics: Sequence[str] | None) -> JobStatistics:
    """Return statistics over all samples of a job and its nodes within its own time.

    Raises:
        Malformed: A metric that nobody knows.
        StoreUnavailable: The sample store cannot answer now.
    """
    spans = spans_of(job, ports.clock.now())
    start = min((span.start for span in spans), default=job.listed_time)
    end = max((span.end for span in spans), default=start + _INSTANT)
    own = ask_own(ports, job, spans)
    chosen = choose_metrics(
        ports.samples, job.cluster, metrics, since=start, preferred=preferred(own)
    )
    question = Question(
        cluster=job.cluster,
        metrics=chosen,
        spans=spans,
        grid=Grid(start, end, 1),
        type="node",
        within="avg",
        over_nodes=None,
        jobid=str(job.job_id),
    )
    found = ask_statistics(ports.samples, ports.queries, question)
    items = []
    for metric in chosen:
        rows = found.get(metric.name)
        if rows:
            total = add_statistics(rows, hostname="")
            items.append(
                MetricStatistics(
                    metric=metric.name,
                    unit=metric.unit,
                    min=total.min,
                    max=total.max,
                    avg=total.avg,
                    count=total.count,
                    nodes=[
                        NodeStatistics(
                            hostname=r.hostname, min=r.min, max=r.max, avg=r.avg, count=r.count
                        )
                        for r in rows
                    ],
                )
            )
    return JobStatistics(items=items, efficiency=efficiency(job, own))


def spans_of(job: Job, now: datetime, *, hostname: str | None = None) -> list[Span]:
    """Return nodes and times of each start of a job, one span per start.

    Raises:
        NotFound: The hostname is none of the job's.
    """
    starts: dict[int, list[tuple[str, datetime, datetime]]] = {}
    for each in job.allocations:
        if hostname in (None, each.hostname) and each.start_time is not None:
            end = max(each.end_time or now, each.start_time + _INSTANT)
            starts.setdefault(each.restart, []).append((each.hostname, each.start_time, end))
    if hostname is not None and not any(a.hostname == hostname for a in job.allocations):
        raise NotFound(f"job {job.job_id} did not have node {hostname!r}")
    return [
        Span(
            tuple(sorted({host for host, _, _ in rows})),
            min(start for _, start, _ in rows),
            max(end for _, _, end in rows),
        )
        for _, rows in sorted(starts.items())
    ]


def cut_spans(spans: Sequence[Span], start: datetime, end: datetime) -> list[Span]:
    """Return the parts of spans that lie in a window."""
    cut = (Span(s.hostnames, max(s.start, start), min(s.end, end)) for s in spans)
    return [span for span in cut if span.start < span.end]


def _a_node(ports: Ports, job: Job, spans: Sequence[Span]) -> Node | None:
    """Return the record of one of the job's nodes: a job's nodes are alike."""
    if not spans:
        return None
    with ports.records.reading() as session:
        return NodeRepository(session).get(spans[0].hostnames[0], cluster=job.cluster)
