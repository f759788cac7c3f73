"""Shapes of jobs. Names are Slurm's; times UTC; null: nobody told (yet)."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Sort = Literal["-start_time", "start_time", "-end_time", "end_time", "-job_id", "job_id"]

_EXAMPLE: dict[str, Any] = {
    "cluster": "alpha",
    "job_id": 4711,
    "submit_time": "2026-11-20T11:59:00Z",
    "start_time": "2026-11-20T12:00:00Z",
    "end_time": None,
    "state": "RUNNING",
    "reason": None,
    "name": "relax",
    "user": "alice",
    "account": "chem",
    "partition": "batch",
    "qos": "normal",
    "num_nodes": 2,
    "cpus": 384,
    "gpus": 0,
    "exit_code": None,
    "signal": None,
    "restart_count": 0,
    "array_job_id": None,
    "array_task_id": None,
    "het_job_id": None,
    "het_job_offset": None,
    "time_limit_seconds": 86400,
    "elapsed_seconds": 3600,
}


class JobItem(BaseModel):
    """One job as in lists."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})
    cluster: str
    job_id: int
    submit_time: datetime | None
    start_time: datetime | None = Field(description="of the newest start, if it was requeued")
    end_time: datetime | None
    state: str = Field(description="Slurm's base state")
    reason: str | None = Field(description="why it waits or failed")
    name: str | None
    user: str | None
    account: str | None
    partition: str | None
    qos: str | None
    num_nodes: int | None
    cpus: int | None
    gpus: int | None
    exit_code: int | None = Field(description="0 to 255, decoded from the wait status")
    signal: int | None = Field(description="the signal that ended it")
    restart_count: int
    array_job_id: int | None
    array_task_id: int | None
    het_job_id: int | None
    het_job_offset: int | None
    time_limit_seconds: int | None
    elapsed_seconds: int | None = Field(description="from its start to its end, or to now")


class JobPage(BaseModel):
    """A page of jobs."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_EXAMPLE], "next": "/v1/jobs?cursor=WyJq"}]}
    )
    items: list[JobItem]
    next: str | None = Field(description="path of the next page")


class AllocationItem(BaseModel):
    """One node of one start."""

    model_config = ConfigDict(from_attributes=True)
    hostname: str
    restart: int
    start_time: datetime | None
    end_time: datetime | None
    gpu_ids: list[str]


class HistoryItem(BaseModel):
    """One event of the job."""

    type: str
    time: datetime
    source: str
    data: dict[str, Any]


_DETAIL: dict[str, Any] = {
    **_EXAMPLE,
    "uid": 1001,
    "group": "chem",
    "comment": None,
    "work_dir": "/home/alice/relax",
    "derived_exit_code": None,
    "sluid": None,
    "allocations": [
        {
            "hostname": "n001",
            "restart": 0,
            "start_time": "2026-11-20T12:00:00Z",
            "end_time": None,
            "gpu_ids": [],
        }
    ],
    "history": [
        {
            "type": "job.started",
            "time": "2026-11-20T12:00:00Z",
            "source": "/alpha/hook/ctl",
            "data": {"cluster": "alpha", "job_id": 4711, "start_time": "2026-11-20T12:00:00Z"},
        }
    ],
}


class JobDetail(JobItem):
    """One job with everything that is known of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DETAIL]})
    uid: int | None
    group: str | None
    comment: str | None
    work_dir: str | None
    derived_exit_code: int | None
    sluid: str | None
    allocations: list[AllocationItem]
    history: list[HistoryItem] = Field(description="its events, oldest first")


class NodeStatistics(BaseModel):
    """Over all samples of one node within the job's own time."""

    hostname: str
    min: float
    max: float
    avg: float
    count: int


class MetricStatistics(BaseModel):
    """Over all samples of all nodes, and per node."""

    metric: str
    unit: str
    min: float
    max: float
    avg: float
    count: int
    nodes: list[NodeStatistics]


class Efficiency(BaseModel):
    """How well a job used what it had, from its own metrics: other jobs on its nodes do not count."""

    cpu_percent: float | None = Field(
        description="CPU time used, of all time of its hardware threads (or CPUs, when not confined)"
    )
    memory_percent: float | None = Field(
        description="most memory used on any node, of what it might use there; never the page cache"
    )


_NUMBERS: dict[str, Any] = {"min": 2.5, "max": 99.1, "avg": 87.3, "count": 360}


class JobStatistics(BaseModel):
    """Statistics of one job; a metric without samples is not listed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "metric": "cpu_user",
                            "unit": "%",
                            **_NUMBERS,
                            "nodes": [{"hostname": "n001", **_NUMBERS}],
                        }
                    ],
                    "efficiency": {"cpu_percent": 93.5, "memory_percent": 41.2},
                }
            ]
        }
    )
    items: list[MetricStatistics]
    efficiency: Efficiency | None = Field(description="null when the job has no metrics of its own")
