"""v0.0.40 to v0.0.45 (Slurm 23.11 to 26.05): numbers as objects, states as lists, exit codes taken apart."""

import msgspec
from msgspec import Struct

from pilothouse_dispatcher.slurm.job import SlurmJob, neutral

VERSIONS = ("v0.0.45", "v0.0.44", "v0.0.43", "v0.0.42", "v0.0.41", "v0.0.40")


class _Number(Struct):
    set: bool = False
    infinite: bool = False
    number: float = 0


class _Signal(Struct):
    id: _Number = msgspec.field(default_factory=_Number)


class _Exit(Struct):
    return_code: _Number = msgspec.field(default_factory=_Number)
    signal: _Signal = msgspec.field(default_factory=_Signal)


class _StepId(Struct):
    sluid: str | None = None


class _Job(Struct):
    job_id: int
    job_state: list[str] = []
    state_reason: str = ""
    submit_time: _Number | None = None
    start_time: _Number | None = None
    end_time: _Number | None = None
    exit_code: _Exit | None = None
    derived_exit_code: _Exit | None = None
    restart_cnt: int | None = None
    step_id: _StepId | None = None
    name: str | None = None
    user_name: str | None = None
    user_id: int | None = None
    group_name: str | None = None
    group_id: int | None = None
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    nodes: str | None = None
    node_count: _Number | None = None
    cpus: _Number | None = None
    tres_alloc_str: str | None = None
    gres_detail: list[str] | None = None
    time_limit: _Number | None = None
    array_job_id: _Number | None = None
    array_task_id: _Number | None = None
    het_job_id: _Number | None = None
    het_job_offset: _Number | None = None
    comment: str | None = None
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
        neutral(job, flags=job.job_state, number=_number, exit_of=_taken_apart)
        for job in _DECODER.decode(body).jobs
    ]


def _number(value: _Number | None) -> int | None:
    """Return the number; None where it is not set or infinite."""
    return int(value.number) if value is not None and value.set and not value.infinite else None


def _taken_apart(value: _Exit | None) -> tuple[int | None, int | None]:
    if value is None:
        return None, None
    signal = _number(value.signal.id) or None
    code = _number(value.return_code)
    return (0 if code is None and signal else code), signal
