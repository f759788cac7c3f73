"""What Slurm says of one job, the same for every version of its API."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pilothouse_common.contract.events import JOB_STATES
from pilothouse_common.hostlist import expand_hostlist

_SHOWN_INSTEAD = {
    "CONFIGURING": "RUNNING", "RESIZING": "RUNNING", "SIGNALING": "RUNNING", "STAGE_OUT": "RUNNING",
    "STOPPED": "RUNNING", "REQUEUED": "PENDING", "REQUEUE_FED": "PENDING", "REQUEUE_HOLD": "PENDING",
    "SPECIAL_EXIT": "PENDING", "REVOKED": "CANCELLED",
}  # fmt: skip
"""States that old versions show in the place of the base state that they cover."""
UNLIMITED_MINUTES = 365 * 24 * 60
"""Slurm gives a job without a time limit one of a year when it starts."""
ALIVE = ("PENDING", "RUNNING", "SUSPENDED")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmJob:
    """One job of a snapshot.

    Attributes:
        state: The base state; empty while the version hides it behind COMPLETING.
        reason: Why it is pending, or of its end; empty for none.
        submit_time: A requeue may change it.
        start_time: Of the present or last run; None while pending and when it never ran.
        end_time: Only of an ended job (Slurm tells the planned end of a running one).
    """

    job_id: int
    state: str
    reason: str
    submit_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    exit_code: int | None
    signal: int | None
    derived_exit_code: int | None
    restart_count: int
    sluid: str | None
    name: str | None
    user: str | None
    uid: int | None
    group: str | None
    gid: int | None
    account: str | None
    partition: str | None
    qos: str | None
    nodes: list[str] | None
    num_nodes: int | None
    cpus: int | None
    gpus: int | None
    time_limit_seconds: int | None
    array_job_id: int | None
    array_task_id: int | None
    het_job_id: int | None
    het_job_offset: int | None
    comment: str | None
    work_dir: str | None

    @property
    def ended(self) -> bool:
        """Whether it will not change any more (unless an operator requeues it)."""
        return bool(self.state) and self.state not in ALIVE

    @property
    def started(self) -> bool:
        """Whether its present or last run has begun."""
        return self.state != "PENDING" and self.start_time is not None and bool(self.nodes)


def base_state(flags: list[str]) -> str:
    """Return the base state among the flags that a version shows; empty if it hides it."""
    for flag in flags:
        if flag in JOB_STATES:
            return flag
    for flag in flags:
        if flag in _SHOWN_INSTEAD:
            return _SHOWN_INSTEAD[flag]
    return ""


def moment(seconds: int | None) -> datetime | None:
    """Return a time; Slurm writes 0 for none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds and 0 < seconds < 1 << 37 else None


def time_limit(minutes: int | None) -> int | None:
    """Return a time limit in seconds; None for none."""
    return minutes * 60 if minutes and minutes < UNLIMITED_MINUTES else None


def node_names(text: str) -> list[str] | None:
    """Expand Slurm's node list; None where there is none, or none that can be read."""
    try:
        return expand_hostlist(text) or None
    except ValueError:
        return None


def gpu_count(allocated: str, details: list[str]) -> int | None:
    """Count GPUs of all nodes, from ``gres/gpu=2`` or else from ``gpu:h200:2(IDX:0-1)`` per node."""
    total = re.search(r"(?:^|,)gres/gpu=(\d{1,9})(?:,|$)", allocated)
    if total:
        return int(total[1])
    counts = [re.match(r"gpu(?::[^:(,]+)?:(\d{1,9})(?:\(|$)", detail) for detail in details]
    return sum(int(count[1]) for count in counts if count) or None


def neutral(
    raw: Any,
    *,
    flags: list[str],
    number: Callable[[Any], int | None],
    exit_of: Callable[[Any], tuple[int | None, int | None]],
    sluid: str | None,
) -> SlurmJob:
    """Build the record from what slurmrestd said.

    Args:
        raw: The job on the wire.
        flags: Its states.
        number: Reads a number; None where it is not set or infinite.
        exit_of: Reads an exit status as (exit code, signal).
        sluid: Its SLUID, where the version tells it.
    """
    state = base_state(flags)
    nodes = node_names(raw.nodes or "")
    exit_code, signal = exit_of(raw.exit_code)
    array_job_id, het_job_id = number(raw.array_job_id), number(raw.het_job_id)
    ended = bool(state) and state not in ALIVE
    return SlurmJob(
        job_id=raw.job_id,
        state=state,
        reason="" if raw.state_reason == "None" else raw.state_reason,
        submit_time=moment(number(raw.submit_time)),
        start_time=moment(number(raw.start_time)) if nodes else None,
        end_time=moment(number(raw.end_time)) if ended else None,
        exit_code=exit_code,
        signal=signal,
        derived_exit_code=exit_of(raw.derived_exit_code)[0],
        restart_count=raw.restart_cnt or 0,
        sluid=sluid,
        name=raw.name or None,
        user=raw.user_name or None,
        uid=raw.user_id,
        group=raw.group_name or None,
        gid=raw.group_id,
        account=raw.account or None,
        partition=raw.partition or None,
        qos=raw.qos or None,
        nodes=nodes,
        num_nodes=number(raw.node_count),
        cpus=number(raw.cpus),
        gpus=gpu_count(raw.tres_alloc_str or "", raw.gres_detail or []),
        time_limit_seconds=time_limit(number(raw.time_limit)),
        array_job_id=array_job_id or None,
        array_task_id=number(raw.array_task_id) if array_job_id else None,
        het_job_id=het_job_id or None,
        het_job_offset=number(raw.het_job_offset) if het_job_id else None,
        comment=raw.comment or None,
        work_dir=raw.current_working_directory or None,
    )
