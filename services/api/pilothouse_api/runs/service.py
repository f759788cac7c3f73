"""Runs as their callers may see them."""

from collections.abc import Sequence
from datetime import timedelta

from pilothouse_common.errors import NotFound
from pilothouse_common.store.records.models import Run
from pilothouse_common.store.records.runs import RunFilter, RunRepository
from pilothouse_common.store.samples.port import Selection

from pilothouse_api.access.caller import Caller
from pilothouse_api.ports import Ports
from pilothouse_api.runs.schemas import RunItem, State
from pilothouse_api.series.choice import MAX_METRICS, split_names
from pilothouse_api.series.grid import check_work, lay_grid
from pilothouse_api.series.schemas import SeriesAnswer, SeriesItem, Within
from pilothouse_api.times import parse_window

PREFIX = "sim_"


def page_of_runs(
    ports: Ports,
    caller: Caller,
    *,
    users: Sequence[str],
    states: Sequence[State],
    job_id: int | None,
    cluster: str | None,
    cursor: str | None,
    limit: int,
) -> tuple[list[RunItem], str | None]:
    """Return one page and the cursor of the next.

    Raises:
        Malformed: A cursor of another list.
    """
    visible = caller.visible_runs()
    if visible is None:
        return [], None
    wanted = RunFilter(cluster=cluster, users=users, states=states, job_id=job_id, visible=visible)
    with ports.records.reading() as session:
        page = RunRepository(session).page(wanted, cursor=cursor, limit=limit)
    return [RunItem.model_validate(run) for run in page.items], page.next_cursor


def find_run(ports: Ports, caller: Caller, run_id: str) -> Run:
    """Return a run that the caller may see.

    Raises:
        NotFound: No such run, or not for this caller.
    """
    visible = caller.visible_runs()
    if visible is not None:
        with ports.records.reading() as session:
            run = RunRepository(session).get(run_id, visible=visible)
        if run is not None:
            return run
    raise NotFound(f"no run {run_id}")


def series_of_run(
    ports: Ports,
    run: Run,
    *,
    variables: Sequence[str] | None,
    within: Within,
    window: tuple[str | None, str | None],
    points: int | None,
    resolution_seconds: int | None,
) -> SeriesAnswer:
    """Return series of a run's variables within its own time, or the part of it that is asked for.

    Raises:
        Malformed: A window or wish that makes no sense, or too much at once.
        StoreUnavailable: The sample store cannot answer now.
    """
    now = ports.clock.now()
    start, end = parse_window(*window, now)
    start = start or run.start_time or run.listed_time
    over = run.end_time if run.state == "finished" else None
    end = end or (over or now) + timedelta(seconds=1)
    end = max(end, start + timedelta(seconds=1))
    grid = lay_grid(start, end, points=points, resolution_seconds=resolution_seconds)
    names = [f"{PREFIX}{name}" for name in split_names(variables)]
    if not names:
        present = ports.samples.metrics(run.cluster, since=start, hostname=run.hostname)
        names = [name for name in present if name.startswith(PREFIX)][:MAX_METRICS]
    check_work(metrics=len(names), parts=1, points=grid.points)

    def ask(metric: str) -> list[SeriesItem]:
        found = ports.samples.series(
            Selection(
                cluster=run.cluster,
                metric=metric,
                start=start,
                end=end,
                hostnames=(run.hostname,),
                jobid=str(run.job_id or ""),
                stype_id=run.run_id,
            ),
            resolution_seconds=grid.resolution_seconds,
            within=within,
        )
        return [
            SeriesItem(
                metric=metric.removeprefix(PREFIX),
                unit="",
                hostname=run.hostname,
                type="node",
                type_id="",
                stype_id=run.run_id,
                times=list(each.times),
                values=list(each.values),
            )
            for each in found
        ]

    answers = ports.queries.map(ask, names)
    return SeriesAnswer(
        start=start,
        end=end,
        resolution_seconds=grid.resolution_seconds,
        items=[item for items in answers for item in items],
    )
