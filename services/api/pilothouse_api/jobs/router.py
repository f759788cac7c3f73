"""Routes of jobs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.jobs import service
from pilothouse_api.jobs.query import JobQuery
from pilothouse_api.jobs.schemas import JobDetail, JobPage, JobStatistics
from pilothouse_api.jobs.series import series_of_job, statistics_of_job
from pilothouse_api.paging import next_link
from pilothouse_api.ports import Ports, ports_of
from pilothouse_api.series.schemas import (
    LevelQuery,
    MetricsQuery,
    OverNodesQuery,
    PointsQuery,
    ResolutionQuery,
    SeriesAnswer,
    WithinQuery,
)
from pilothouse_api.times import TimeQuery
from pilothouse_api.words import ClusterQuery, Word

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
PortsDep = Annotated[Ports, Depends(ports_of)]
Reader = Annotated[Caller, needs("jobs:read")]
JobId = Annotated[
    str,
    Path(
        pattern=r"^[0-9]{1,15}([_+][0-9]{1,9})?$",
        description="job id, `123_4` (array job and task) or `123+1` (heterogeneous component)",
        examples=["4711"],
    ),
]


@router.get("", summary="List jobs")
def list_jobs(
    request: Request,
    caller: Reader,
    ports: PortsDep,
    query: Annotated[JobQuery, Query()],
) -> JobPage:
    """List jobs that fit all that is given; user, account, partition and state may repeat (any of them).

    ``start`` and ``end`` select jobs that overlapped the window. By start_time, jobs that have not
    started stand at their submit_time; by end_time, jobs that have not ended stand after all others.
    """
    items, after = service.page_of_jobs(
        ports,
        query.filter(caller, ports.clock.now()),
        sort=query.sort,
        cursor=query.cursor,
        limit=query.limit,
    )
    return JobPage(items=items, next=next_link(request, after))


@router.get("/{job_id}", summary="One job")
def show_job(
    job_id: JobId,
    caller: Reader,
    ports: PortsDep,
    cluster: ClusterQuery = None,
    submit_time: TimeQuery = None,
) -> JobDetail:
    """Return the newest job of this id (an older one by its submit_time), with nodes and history."""
    return service.describe_job(
        ports, service.find_job(ports, caller, job_id, cluster, submit_time)
    )


@router.get("/{job_id}/series", summary="Series of one job")
def show_job_series(
    *,
    job_id: JobId,
    caller: Reader,
    ports: PortsDep,
    cluster: ClusterQuery = None,
    submit_time: TimeQuery = None,
    metrics: MetricsQuery = None,
    type: LevelQuery = "node",
    over_nodes: OverNodesQuery = None,
    within: WithinQuery = "avg",
    start: TimeQuery = None,
    end: TimeQuery = None,
    points: PointsQuery = None,
    resolution_seconds: ResolutionQuery = None,
    hostname: Annotated[Word | None, Query(description="only this node of the job")] = None,
) -> SeriesAnswer:
    """Return series within the job's own time; of all its starts when requeued.

    Metrics named ``job_*`` are the job's own, from its cgroups; all others are its nodes', with whatever
    else runs there. Without ``metrics`` the job's own come first, where there are any.
    """
    return series_of_job(
        ports,
        service.find_job(ports, caller, job_id, cluster, submit_time),
        metrics=metrics,
        level=type,
        within=within,
        over_nodes=over_nodes,
        window=(start, end),
        points=points,
        resolution_seconds=resolution_seconds,
        hostname=hostname,
    )


@router.get("/{job_id}/statistics", summary="Statistics of one job")
def show_job_statistics(
    *,
    job_id: JobId,
    caller: Annotated[Caller, needs("stats:read")],
    ports: PortsDep,
    cluster: ClusterQuery = None,
    submit_time: TimeQuery = None,
    metrics: MetricsQuery = None,
) -> JobStatistics:
    """Return minimum, maximum and average over all samples within the job's own time, and efficiency.

    Metrics named ``job_*`` are the job's own, all others its nodes'.
    """
    job = service.find_job(ports, caller, job_id, cluster, submit_time)
    return statistics_of_job(ports, job, metrics=metrics)
