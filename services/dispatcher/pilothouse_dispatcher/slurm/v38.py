"""v0.0.38 (Slurm 22.05 to 24.05): plain numbers, null for none, the wait status as exit code."""

import msgspec
from msgspec import Struct

from pilothouse_dispatcher.slurm.job import SlurmJob, neutral

VERSIONS = ("v0.0.38",)


class _Job(Struct):
    job_id: int
    job_state: str = ""
    state_reason: str = ""
    submit_time: int | None = None
    start_time: int | None = None
    end_time: int | None = None
    exit_code: int | None = None
    derived_exit_code: int | None = None
    restart_cnt: int | None = None
    name: str | None = None
    user_name: str | None = None
    user_id: int | None = None
    group_name: str | None = None
    group_id: int | None = None
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    nodes: str | None = None
    node_count: int | None = None
    cpus: int | None = None
    tres_alloc_str: str | None = None
    gres_detail: list[str] | None = None
    time_limit: int | None = None
    array_job_id: int | None = None
    array_task_id: int | None = None
    het_job_id: int | None = None
    het_job_offset: int | None = None
    comment: str | None = None
    step_id: None = None
    current_working_directory: str | None = None


class _Jobs(Struct):
    jobs: list[_Job] = []


_DECODER = msgspec.json.Decoder(_Jobs)


def decode_jobs(body: bytes) -> list[SlurmJob]:
    """Read the answer to ``GET /jobs`` or ``/job/{id}``.

    Raises:
        msgspec.MsgspecError: Not such an answer.
    """
    return [
        neutral(job, flags=[job.job_state], number=_number, exit_of=_wait_status)
        for job in _DECODER.decode(body).jobs
    ]


def _number(value: int | None) -> int | None:
    return value


def _wait_status(status: int | None) -> tuple[int | None, int | None]:
    if status is None:
        return None, None
    return status >> 8 & 0xFF, status & 0x7F or None
