"""A job description in slurmrestd's words: what every version shares; families add what they differ in."""

import math
from collections.abc import Callable
from typing import Any

from pilothouse_dispatcher.slurm.description import UNLIMITED_SECONDS, JobDescription

MEBIBYTE = 1 << 20
UNLIMITED_MINUTES = UNLIMITED_SECONDS // 60

_SAME = {
    "name": "name", "account": "account", "partition": "partition", "qos": "qos",
    "reservation": "reservation", "constraints": "constraints", "licenses": "licenses",
    "dependency": "dependency", "array": "array", "comment": "comment", "tasks": "tasks",
    "tasks_per_node": "tasks_per_node", "cpus_per_task": "cpus_per_task", "requeue": "requeue",
    "standard_input": "standard_input", "standard_output": "standard_output",
    "standard_error": "standard_error", "nice": "nice", "work_dir": "current_working_directory",
}  # fmt: skip
"""Our field and theirs."""


def shared_fields(job: JobDescription, *, number: Callable[[int], Any]) -> dict[str, Any]:
    """Return the fields that have the same name in every version.

    Args:
        job: What is to be submitted.
        number: Writes an optional number as the family does.
    """
    fields = {theirs: getattr(job, ours) for ours, theirs in _SAME.items()}
    fields |= {
        "time_limit": _maybe(number, minutes(job.time_limit_seconds)),
        "memory_per_node": _maybe(number, mebibytes(job.memory_per_node_bytes)),
        "memory_per_cpu": _maybe(number, mebibytes(job.memory_per_cpu_bytes)),
        "begin_time": _maybe(number, int(job.begin_time.timestamp()) if job.begin_time else None),
        "hold": job.hold or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def minutes(seconds: int | None) -> int | None:
    """Return whole minutes, rounded up as sbatch does."""
    return None if seconds is None else math.ceil(seconds / 60)


def mebibytes(size_bytes: int | None) -> int | None:
    """Return whole MiB, rounded up."""
    return None if size_bytes is None else -(-size_bytes // MEBIBYTE)


def tres_per_node(job: JobDescription) -> str | None:
    """Return the generic resources of each node as a TRES string."""
    return f"gres/gpu:{job.gpus_per_node}" if job.gpus_per_node else job.tres_per_node


def node_range(job: JobDescription) -> str | None:
    """Return the number of nodes as ``2``, ``2-8``, or None."""
    least, most = job.min_nodes, job.max_nodes
    if least is None and most is None:
        return None
    least = least or 1
    return str(least) if most in (None, least) else f"{least}-{most}"


def variables(job: JobDescription) -> dict[str, str]:
    """Return the environment; empty is refused by every version, so the path is always in it."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **job.environment}


def _maybe(number: Callable[[int], Any], value: int | None) -> Any:
    return None if value is None else number(value)
