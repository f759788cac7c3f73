"""Reads what slurmrestd says of jobs, of all versions: where they differ, the value's shape tells.

Numbers are plain in v0.0.38 and objects later; a state is a word up to v0.0.39 and a list later; an exit
status is wait(2)'s up to v0.0.39 and taken apart later.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from pilothouse_dispatcher.slurm.job import SlurmJob, neutral


class Number(Struct):
    """``{"set": true, "infinite": false, "number": 5}``."""

    set: bool = False
    infinite: bool = False
    number: float = 0


NumberOrInt = Number | int | None


def whole(value: NumberOrInt) -> int | None:
    """Return the number; None where it is not set or infinite."""
    if isinstance(value, Number):
        return int(value.number) if value.set and not value.infinite else None
    return value


class _Job(Struct):
    job_id: int
    job_state: str | list[str] = ""
    state_reason: str = ""
    submit_time: NumberOrInt = None
    start_time: NumberOrInt = None
    end_time: NumberOrInt = None
    exit_code: Any = None
    derived_exit_code: Any = None
    restart_cnt: int | None = None
    step_id: Any = None
    name: str | None = None
    user_name: str | None = None
    user_id: int | None = None
    group_name: str | None = None
    group_id: int | None = None
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    nodes: str | None = None
    node_count: NumberOrInt = None
    cpus: NumberOrInt = None
    tres_alloc_str: str | None = None
    gres_detail: list[str] | None = None
    time_limit: NumberOrInt = None
    array_job_id: NumberOrInt = None
    array_task_id: NumberOrInt = None
    het_job_id: NumberOrInt = None
    het_job_offset: NumberOrInt = None
    comment: str | None = None
    current_working_directory: str | None = None


class _Jobs(Struct):
    jobs: list[_Job] = []


class _State(Struct):
    job_id: int | str
    state: str | list[str] = ""


class _States(Struct):
    jobs: list[_State] = []


_JOBS = msgspec.json.Decoder(_Jobs)
_STATES = msgspec.json.Decoder(_States)


def decode_jobs(body: bytes) -> list[SlurmJob]:
    """Read the answer to ``GET /jobs`` or ``/job/{id}``.

    Raises:
        msgspec.MsgspecError: Not such an answer.
    """
    return [
        neutral(
            job,
            flags=listed(job.job_state),
            number=whole,
            exit_of=_exit_of,
            sluid=_sluid(job.step_id),
        )
        for job in _JOBS.decode(body).jobs
    ]


def decode_states(body: bytes) -> dict[str, tuple[str, ...]]:
    """Read the answer to ``GET /jobs/state``: states by job id as squeue writes it (``50``, ``50_3``).

    Raises:
        msgspec.MsgspecError: Not such an answer.
    """
    return {str(row.job_id): tuple(listed(row.state)) for row in _STATES.decode(body).jobs}


def listed(value: str | list[str]) -> list[str]:
    """Return states or features as a list, however the version writes them."""
    return value if isinstance(value, list) else [word for word in value.split(",") if word]


def _sluid(step_id: Any) -> str | None:
    found = step_id.get("sluid") if isinstance(step_id, Mapping) else None
    return found if isinstance(found, str) and found else None


def _exit_of(value: Any) -> tuple[int | None, int | None]:
    """Return (exit code, signal)."""
    if isinstance(value, Mapping) and ("return_code" in value or "signal" in value):
        signal = msgspec.convert(value.get("signal") or {}, _Signal)
        code = whole(msgspec.convert(value.get("return_code") or {}, Number))
        number = whole(signal.id) or None
        return (0 if code is None and number else code), number
    status = whole(msgspec.convert(value, NumberOrInt))
    if status is None:
        return None, None
    return status >> 8 & 0xFF, status & 0x7F or None


class _Signal(Struct):
    id: Number = msgspec.field(default_factory=Number)
