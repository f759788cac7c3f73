"""What a job is to be, the same for every version of Slurm's API. Source: sbatch(1)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from pilothouse_common.errors import Malformed

UNLIMITED_SECONDS = 60 * 0xFFFFFFFF
"""A time limit of none (Slurm's INFINITE, in minutes)."""

Word = Annotated[str, Meta(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]
Path = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00\n\r]+$")]
Directory = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^/[^\x00\n\r]*$")]
Whole = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Bytes = Annotated[int, Meta(ge=1 << 20, le=2**62)]
Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=1024)]
Value = Annotated[str, Meta(pattern=r"^[^\x00]*$", max_length=128 << 10)]

MAX_SCRIPT_BYTES = 4 << 20
"""Slurm's own default bound (SchedulerParameters=max_script_size)."""


class JobDescription(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One job to be submitted; what is None is Slurm's own default.

    Attributes:
        script: Text of the batch script; begins with ``#!``. Its ``#SBATCH`` lines are not read by
            slurmrestd: ``script.lifted`` turns them into fields.
        work_dir: Absolute directory on the cluster in which it runs.
        environment: Variables of the job; nothing else is inherited.
        tres_per_node: Generic resources of each node, ``gres/gpu:2``.
        gpus_per_node: The same for GPUs of any type.
        begin_time: Not before this.
        array: Indices, ``0-99%10``.
        exclusive: No other job on its nodes.
    """

    script: str
    work_dir: Directory
    environment: dict[Variable, Value]
    name: Word | None = None
    account: Word | None = None
    partition: Word | None = None
    qos: Word | None = None
    reservation: Word | None = None
    constraints: Word | None = None
    licenses: Word | None = None
    dependency: Word | None = None
    array: Word | None = None
    comment: Word | None = None
    time_limit_seconds: Annotated[int, Meta(ge=1, le=UNLIMITED_SECONDS)] | None = None
    min_nodes: Whole | None = None
    max_nodes: Whole | None = None
    tasks: Whole | None = None
    tasks_per_node: Whole | None = None
    cpus_per_task: Annotated[int, Meta(ge=1, le=65535)] | None = None
    memory_per_node_bytes: Bytes | None = None
    memory_per_cpu_bytes: Bytes | None = None
    gpus_per_node: Whole | None = None
    tres_per_node: Word | None = None
    standard_input: Path | None = None
    standard_output: Path | None = None
    standard_error: Path | None = None
    hold: bool = False
    exclusive: bool = False
    requeue: bool | None = None
    nice: Annotated[int, Meta(ge=-(2**31) + 3, le=2**31 - 3)] | None = None
    begin_time: Annotated[datetime, Meta(tz=True)] | None = None


def check(job: JobDescription) -> JobDescription:
    """Return the description once nothing in it contradicts itself.

    Raises:
        Malformed: With the field and what to do; slurmrestd itself takes a script without ``#!``.
    """
    if not job.script.startswith("#!"):
        raise Malformed("script: the first line must name the interpreter, like #!/bin/bash")
    if len(job.script.encode()) > MAX_SCRIPT_BYTES or "\0" in job.script:
        raise Malformed(f"script: at most {MAX_SCRIPT_BYTES} bytes, and no NUL character in it")
    if job.max_nodes is not None and (job.min_nodes or 1) > job.max_nodes:
        raise Malformed(f"min_nodes {job.min_nodes} is more than max_nodes {job.max_nodes}")
    if job.memory_per_node_bytes is not None and job.memory_per_cpu_bytes is not None:
        raise Malformed("memory_per_node_bytes and memory_per_cpu_bytes exclude each other")
    if job.gpus_per_node is not None and job.tres_per_node is not None:
        raise Malformed("gpus_per_node and tres_per_node: name the GPUs in one of them")
    return job
