"""Which job this is: what the batch system put into the environment, else made up for this once.

Sources: sbatch(1), "OUTPUT ENVIRONMENT VARIABLES"; srun(1); qsub(1B) of PBS Pro.
"""

import os
import pwd
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pilothouse_common.contract.events import JobFinished, JobStarted, event_message, new_event
from pilothouse_common.contract.message import Message

_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_MAX_TEXT = 4096
_SOURCE = "injob"


@dataclass(frozen=True, slots=True)
class Allocation:
    """The job that this process is in.

    Attributes:
        cluster: Its cluster.
        job_id: Its id; of no batch system when ``known`` is false.
        known: Whether a batch system gave the id.
        start_time: When it started, or when this process did.
        user: Who runs it.
        environ: Where the rest is read from.
    """

    cluster: str
    job_id: int
    known: bool
    start_time: datetime
    user: str
    environ: Mapping[str, str]

    def started(self, nodes: Sequence[str]) -> Message:
        """Return ``job.started``."""
        env = self.environ
        limit = _time(env, "SLURM_JOB_END_TIME")
        return event_message(
            new_event(
                JobStarted(
                    cluster=self.cluster,
                    job_id=self.job_id,
                    start_time=self.start_time,
                    name=_text(env, "SLURM_JOB_NAME", "PBS_JOBNAME"),
                    user=self.user,
                    uid=os.getuid(),
                    account=_text(env, "SLURM_JOB_ACCOUNT", "PBS_ACCOUNT"),
                    partition=_text(env, "SLURM_JOB_PARTITION", "PBS_QUEUE"),
                    qos=_text(env, "SLURM_JOB_QOS"),
                    nodes=list(nodes),
                    num_nodes=len(nodes),
                    time_limit_seconds=_seconds_between(self.start_time, limit),
                    array_job_id=_number(env, "SLURM_ARRAY_JOB_ID"),
                    array_task_id=_number(env, "SLURM_ARRAY_TASK_ID"),
                    restart_count=_number(env, "SLURM_RESTART_COUNT") or 0,
                    work_dir=_text(env, "SLURM_SUBMIT_DIR", "PBS_O_WORKDIR", "PWD"),
                ),
                source=f"{_SOURCE}/{nodes[0]}" if nodes else _SOURCE,
                event_id=f"{self.job_id}-started-{int(self.start_time.timestamp())}",
            )
        )

    def finished(self, nodes: Sequence[str], now: datetime) -> Message:
        """Return ``job.finished``: the allocation may go on, but nobody watches it from here."""
        return event_message(
            new_event(
                JobFinished(
                    cluster=self.cluster,
                    job_id=self.job_id,
                    start_time=self.start_time,
                    end_time=now,
                    nodes=list(nodes),
                    num_nodes=len(nodes),
                    user=self.user,
                    restart_count=_number(self.environ, "SLURM_RESTART_COUNT") or 0,
                ),
                source=f"{_SOURCE}/{nodes[0]}" if nodes else _SOURCE,
                time=now,
            )
        )


def read_allocation(environ: Mapping[str, str], now: datetime, cluster: str = "") -> Allocation:
    """Return the allocation that an environment describes.

    Args:
        environ: The process environment.
        now: The time; without a batch system the job starts now, and its seconds are the id.
        cluster: Name of the cluster, when somebody said it.
    """
    found = _number(environ, "SLURM_JOB_ID") or _leading_number(environ.get("PBS_JOBID", ""))
    named = environ.get("SLURM_CLUSTER_NAME", "")
    return Allocation(
        cluster=cluster or (named if _CLUSTER.fullmatch(named) else "local"),
        job_id=found or int(now.timestamp()),
        known=found is not None,
        start_time=_time(environ, "SLURM_JOB_START_TIME") or now.replace(microsecond=0),
        user=_user(),
        environ=environ,
    )


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container knows the number only
        return str(os.getuid())


def _text(environ: Mapping[str, str], *names: str) -> str | None:
    for name in names:
        value = environ.get(name, "").encode("utf-8", "replace").decode()[:_MAX_TEXT]
        if value:
            return value
    return None


def _number(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 16 else None


def _leading_number(text: str) -> int | None:
    match = re.match(r"[1-9][0-9]{0,14}", text)
    return int(match[0]) if match else None


def _time(environ: Mapping[str, str], name: str) -> datetime | None:
    seconds = _number(environ, name)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _seconds_between(start: datetime, end: datetime | None) -> int | None:
    return max(0, int((end - start).total_seconds())) if end is not None else None
