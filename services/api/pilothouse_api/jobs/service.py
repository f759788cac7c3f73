"""Jobs as their callers may see them."""

from datetime import datetime

from pilothouse_common.errors import NotFound
from pilothouse_common.store.records.events import EventRepository
from pilothouse_common.store.records.jobs import JobFilter, JobRepository, JobSort
from pilothouse_common.store.records.models import Job

from pilothouse_api.access.caller import Caller
from pilothouse_api.jobs.schemas import AllocationItem, HistoryItem, JobDetail, JobItem
from pilothouse_api.ports import Ports
from pilothouse_api.times import parse_time

_ITEM_FIELDS = tuple(name for name in JobItem.model_fields if name != "elapsed_seconds")
_DETAIL_FIELDS = ("uid", "group", "comment", "work_dir", "derived_exit_code", "sluid")


def page_of_jobs(
    ports: Ports, wanted: JobFilter | None, *, sort: JobSort, cursor: str | None, limit: int
) -> tuple[list[JobItem], str | None]:
    """Return one page and the cursor of the next; without a filter nothing can be seen.

    Raises:
        Malformed: A cursor of another list.
    """
    if wanted is None:
        return [], None
    with ports.records.reading() as session:
        page = JobRepository(session).page(wanted, sort=sort, cursor=cursor, limit=limit)
    now = ports.clock.now()
    return [JobItem(**_facts(job, now)) for job in page.items], page.next_cursor


def find_job(
    ports: Ports, caller: Caller, reference: str, cluster: str | None, submit_time: str | None
) -> Job:
    """Return the newest job of this id that the caller may see, with its allocations.

    Raises:
        NotFound: No such job, or not for this caller.
        Malformed: Not the form of a job id or time.
    """
    submitted = None
    if submit_time is not None:
        submitted = parse_time("submit_time", submit_time, ports.clock.now())
    visible = caller.visible_jobs()
    if visible is not None:
        with ports.records.reading() as session:
            job = JobRepository(session).get(
                reference, cluster=cluster, submit_time=submitted, visible=visible
            )
        if job is not None:
            return job
    raise NotFound(f"no job {reference}")


def describe_job(ports: Ports, job: Job) -> JobDetail:
    """Return everything that is known of a job."""
    with ports.records.reading() as session:
        history = EventRepository(session).history(job)
    return JobDetail(
        **_facts(job, ports.clock.now()),
        **{name: getattr(job, name) for name in _DETAIL_FIELDS},
        allocations=[AllocationItem.model_validate(each) for each in job.allocations],
        history=[
            HistoryItem(type=e.type, time=e.time, source=e.source, data=e.data) for e in history
        ],
    )


def elapsed_seconds(job: Job, now: datetime) -> int | None:
    """Return how long a job ran, or runs so far."""
    if job.start_time is None:
        return None
    if job.end_time is None and job.state not in ("RUNNING", "SUSPENDED"):
        return None
    return max(0, int(((job.end_time or now) - job.start_time).total_seconds()))


def _facts(job: Job, now: datetime) -> dict[str, object]:
    facts = {name: getattr(job, name) for name in _ITEM_FIELDS}
    return {**facts, "elapsed_seconds": elapsed_seconds(job, now)}
