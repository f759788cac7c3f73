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
            exit_of=exit_of,
            sluid=_sluid(job.step_id),
        )
        for job in _JOBS.decode(body).jobs
    ]


def decode_states(body: bytes) -> dict[int, tuple[str, ...]]:
    """Read the answer to ``GET /jobs/state``: states by the job's own id.

    An array's job is ``50_3`` there: own id 50 (not the array's), index 3.

    Raises:
        msgspec.MsgspecError: Not such an answer.
    """
    return {_own_id(row.job_id): tuple(listed(row.state)) for row in _STATES.decode(body).jobs}


def _own_id(job_id: int | str) -> int:
    text = str(job_id).partition("_")[0].partition("+")[0]
    if not text.isdecimal() or len(text) > 18:
        raise msgspec.ValidationError(f"{job_id!r} is no job id - at `$.jobs[].job_id`")
    return int(text)


def listed(value: str | list[str]) -> list[str]:
    """Return states or features as a list, however the version writes them."""
    return value if isinstance(value, list) else [word for word in value.split(",") if word]


def _sluid(step_id: Any) -> str | None:
    found = step_id.get("sluid") if isinstance(step_id, Mapping) else None
    return found if isinstance(found, str) and found else None


def exit_of(value: Any) -> tuple[int | None, int | None]:
    """Return exit code and signal of an exit status, taken apart or as wait(2) gives it."""
    if isinstance(value, Mapping) and ("return_code" in value or "signal" in value):
        taken = msgspec.convert(value, _Exit)
        signal = (taken.signal and (whole(taken.signal.id) or taken.signal.signal_id)) or None
        code = whole(taken.return_code)
        return (0 if code is None and signal else code), signal
    status = whole(msgspec.convert(value, NumberOrInt))
    if status is None:
        return None, None
    return status >> 8 & 0xFF, status & 0x7F or None


class _Signal(Struct):
    id: NumberOrInt = None
    signal_id: int | None = None


class _Exit(Struct):
    return_code: NumberOrInt = None
    signal: _Signal | None = None
