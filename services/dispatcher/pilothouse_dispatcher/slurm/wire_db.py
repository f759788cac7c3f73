"""Reads what slurmrestd says of jobs from accounting (slurmdbd), in any version's shape."""

from typing import Any

import msgspec
from msgspec import Struct

from pilothouse_dispatcher.slurm.job import (
    ALIVE,
    SlurmJob,
    base_state,
    moment,
    node_names,
    time_limit,
)
from pilothouse_dispatcher.slurm.wire import NumberOrInt, exit_of, listed, whole


class _State(Struct):
    current: str | list[str] = ""
    reason: str | None = None


class _Time(Struct):
    submission: NumberOrInt = None
    start: NumberOrInt = None
    end: NumberOrInt = None
    limit: NumberOrInt = None


class _Array(Struct):
    job_id: int | None = None
    task_id: NumberOrInt = None


class _Het(Struct):
    job_id: int | None = None
    job_offset: NumberOrInt = None


class _Comment(Struct):
    job: str | None = None


class _Job(Struct):
    job_id: int
    state: _State = msgspec.field(default_factory=_State)
    time: _Time = msgspec.field(default_factory=_Time)
    array: _Array = msgspec.field(default_factory=_Array)
    het: _Het = msgspec.field(default_factory=_Het)
    comment: _Comment | None = None
    exit_code: Any = None
    derived_exit_code: Any = None
    restart_cnt: int | None = None
    sluid: str | None = None
    name: str | None = None
    user: str | None = None
    group: str | None = None
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    nodes: str | None = None
    allocation_nodes: int | None = None
    working_directory: str | None = None


class _Jobs(Struct):
    jobs: list[_Job] = []


def decode_accounted(body: bytes) -> list[SlurmJob]:
    """Read the answer to ``GET /slurmdb/…/job/{id}``: one row for each time that the id was used.

    Raises:
        msgspec.MsgspecError: Not such an answer.
    """
    return [_neutral(raw) for raw in msgspec.json.decode(body, type=_Jobs).jobs]


def _neutral(raw: _Job) -> SlurmJob:
    state = base_state(listed(raw.state.current))
    nodes = node_names(raw.nodes or "") if raw.nodes != "None assigned" else None
    exit_code, signal = exit_of(raw.exit_code)
    return SlurmJob(
        job_id=raw.job_id,
        state=state,
        reason="" if raw.state.reason in (None, "None") else raw.state.reason or "",
        submit_time=moment(whole(raw.time.submission)),
        start_time=moment(whole(raw.time.start)) if nodes else None,
        end_time=moment(whole(raw.time.end)) if state not in ALIVE else None,
        exit_code=exit_code,
        signal=signal,
        derived_exit_code=exit_of(raw.derived_exit_code)[0],
        restart_count=raw.restart_cnt or 0,
        sluid=raw.sluid or None,
        name=raw.name or None,
        user=raw.user or None,
        uid=None,
        group=raw.group or None,
        gid=None,
        account=raw.account or None,
        partition=raw.partition or None,
        qos=raw.qos or None,
        nodes=nodes,
        num_nodes=raw.allocation_nodes or None,
        cpus=None,
        gpus=None,
        time_limit_seconds=time_limit(whole(raw.time.limit)),
        array_job_id=raw.array.job_id or None,
        array_task_id=whole(raw.array.task_id) if raw.array.job_id else None,
        het_job_id=raw.het.job_id or None,
        het_job_offset=whole(raw.het.job_offset) if raw.het.job_id else None,
        comment=(raw.comment and raw.comment.job) or None,
        work_dir=raw.working_directory or None,
    )
