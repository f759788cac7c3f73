"""Series of one node."""

from collections.abc import Sequence
from datetime import timedelta

from pilothouse_common.errors import Malformed
from pilothouse_common.store.records.models import Node

from pilothouse_api.nodes.service import DEFAULT_INTERVAL_SECONDS
from pilothouse_api.ports import Ports
from pilothouse_api.series.choice import choose_metrics
from pilothouse_api.series.grid import lay_grid, snap
from pilothouse_api.series.schemas import Level, SeriesAnswer, Within
from pilothouse_api.series.service import Question, Span, ask_series
from pilothouse_api.times import parse_window

DEFAULT_WINDOW = timedelta(hours=1)


def series_of_node(
    ports: Ports,
    node: Node,
    *,
    metrics: Sequence[str] | None,
    level: Level,
    within: Within,
    window: tuple[str | None, str | None],
    points: int | None,
    resolution_seconds: int | None,
) -> SeriesAnswer:
    """Return series of a node; the window's start is moved to the grid, so that its buckets are whole.

    Raises:
        Malformed: A window, wish or metric that makes no sense, or too much at once.
        StoreUnavailable: The sample store cannot answer now.
    """
    start, end = parse_window(*window, ports.clock.now())
    end = end or ports.clock.now()
    start = start or end - DEFAULT_WINDOW
    if start >= end:
        raise Malformed("start: not before end, which is now unless it is given")
    grid = lay_grid(
        start,
        end,
        points=points,
        resolution_seconds=resolution_seconds,
        finest_seconds=node.interval_seconds or DEFAULT_INTERVAL_SECONDS,
    )
    span = Span((node.hostname,), snap(start, grid.resolution_seconds), end)
    question = Question(
        cluster=node.cluster,
        metrics=choose_metrics(
            ports.samples, node.cluster, metrics, since=start, hostname=node.hostname
        ),
        spans=[span],
        grid=grid,
        type=level,
        within=within,
        over_nodes=None,
        parts=parts_of(node, level),
    )
    return ask_series(ports.samples, ports.queries, question)


def parts_of(node: Node | None, level: Level) -> int:
    """Return how many series a node may have at a level, as far as its agent told."""
    hardware = node.hardware if node is not None else {}
    name = {"hwthread": "hwthreads", "core": "cores", "accelerator": "gpus", "socket": "sockets"}
    return max(1, int(hardware.get(name.get(level, ""), 1) or 1))
