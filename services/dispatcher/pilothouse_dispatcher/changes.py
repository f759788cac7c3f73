"""What is new about one job since it was last looked at: pure, so that every story can be told to it.

Ids of events are made of the facts, so that a watcher that starts anew tells nothing twice: what it
says again has the same (source, id) and is stored once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pilothouse_common.contract.events import (
    Event,
    JobEvent,
    JobFinished,
    JobStarted,
    JobSubmitted,
    new_event,
)

from pilothouse_dispatcher.slurm.job import SlurmJob

_FACTS = (
    "job_id", "submit_time", "restart_count", "sluid", "name", "user", "uid", "group", "gid", "account",
    "partition", "qos", "nodes", "num_nodes", "cpus", "gpus", "time_limit_seconds", "array_job_id",
    "array_task_id", "het_job_id", "het_job_offset", "comment", "work_dir",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of a job.

    Attributes:
        submit_time: Tells jobs with the same id apart.
        pending: The restart count and reason told while it was pending; None: not told as pending.
        started: Start of the run that was told.
        finished: Whether the end of that run (or of a job that never ran) was told.
    """

    submit_time: datetime | None = None
    restart_count: int = 0
    pending: tuple[int, str] | None = None
    started: datetime | None = None
    finished: bool = False


def changes(
    told: Told | None, job: SlurmJob, *, cluster: str, now: datetime
) -> tuple[list[Event], Told]:
    """Return the events that tell what is new, and what has been told with them.

    Args:
        told: What this watcher told of this job id before.
        job: How the job is now.
        cluster: Its name in our messages.
        now: Time of the snapshot.
    """
    if told is not None and told.submit_time != job.submit_time and not job.restart_count:
        told = None  # the id was used again
    before = told or Told(job.submit_time, job.restart_count)
    teller = _Teller(job, cluster, now)
    if _run_is_over(before, job):
        teller.lost_run(before)
        before = Told(job.submit_time, job.restart_count, before.pending)
    pending, started, finished = before.pending, before.started, before.finished
    if told is None or (job.state == "PENDING" and pending != (job.restart_count, job.reason)):
        teller.submitted(first=told is None)
    if job.state == "PENDING":
        pending, started, finished = (job.restart_count, job.reason), None, False
    if job.started and started != job.start_time:
        teller.started()
        started, finished = job.start_time, False
    if job.ended and not finished:
        teller.finished()
        finished = True
    return teller.events, Told(job.submit_time, job.restart_count, pending, started, finished)


def gone(job_id: int, told: Told, *, cluster: str, now: datetime) -> list[Event]:
    """Return the event that ends a job which the scheduler has forgotten and whose end nobody saw."""
    words = (str(job_id), _seconds(told.started or told.submit_time), "gone")
    data = JobFinished(
        cluster=cluster,
        job_id=job_id,
        submit_time=told.submit_time,
        restart_count=told.restart_count,
        start_time=told.started,
        end_time=now,
    )
    event_id = "/".join([data.type, *words])
    return [new_event(data, source=_source(cluster), event_id=event_id, time=now)]


def _source(cluster: str) -> str:
    return f"/clusters/{cluster}/watcher"


def _run_is_over(before: Told, job: SlurmJob) -> bool:
    """Tell whether the run that was told has ended between two looks: the job was requeued."""
    running = before.started is not None and not before.finished
    return running and (job.restart_count > before.restart_count or job.state == "PENDING")


class _Teller:
    """Makes the events of one job in one snapshot."""

    def __init__(self, job: SlurmJob, cluster: str, now: datetime) -> None:
        self.events: list[Event] = []
        self._job = job
        self._source = _source(cluster)
        self._now = now
        self._facts: dict[str, Any] = {name: getattr(job, name) for name in _FACTS}
        self._facts["cluster"] = cluster

    def submitted(self, *, first: bool) -> None:
        job = self._job
        words = [_seconds(job.submit_time), str(job.restart_count)]
        if job.state == "PENDING":
            words.append(job.reason or "None")
            if not first:  # the same reason may come back: that is news, too
                words.append(_seconds(self._now))
        reason = job.reason or None if job.state == "PENDING" else None
        self._tell(words, JobSubmitted(**self._facts, reason=reason))

    def started(self) -> None:
        start = self._job.start_time
        assert start is not None
        self._tell([_seconds(start)], JobStarted(**self._facts, start_time=start))

    def finished(self) -> None:
        job = self._job
        end = job.end_time or self._now
        self._tell(
            [_seconds(job.start_time or job.submit_time), _seconds(job.end_time)],
            JobFinished(
                **self._facts,
                end_time=end,
                start_time=job.start_time,
                exit_code=job.exit_code,
                signal=job.signal,
                derived_exit_code=job.derived_exit_code,
                state=job.state,
            ),
        )

    def lost_run(self, before: Told) -> None:
        """End a run that nobody saw ending; as an epilog does, with the next restart's number."""
        facts = {**self._facts, "nodes": None, "sluid": None}
        data = JobFinished(**facts, end_time=self._now, start_time=before.started)
        self._tell([_seconds(before.started), "requeued"], data)

    def _tell(self, words: list[str], data: JobEvent) -> None:
        event_id = "/".join([data.type, str(self._job.job_id), *words])
        event = new_event(data, source=self._source, event_id=event_id[:255], time=self._now)
        self.events.append(event)


def _seconds(moment: datetime | None) -> str:
    return "-" if moment is None else str(int(moment.timestamp()))
