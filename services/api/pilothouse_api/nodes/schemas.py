"""Shapes of nodes."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NodeState = Literal["up", "stale", "down"]


_EXAMPLE: dict[str, Any] = {
    "cluster": "alpha",
    "hostname": "n001",
    "state": "up",
    "last_sample_time": "2026-11-20T12:00:00Z",
    "reported_time": "2026-11-20T11:12:13Z",
    "interval_seconds": 10.0,
    "boot_time": "2026-11-01T06:00:00Z",
    "agent_version": "0.1.0",
    "hardware": {"cpu_model": "AMD EPYC 9654", "sockets": 2, "cores": 192},
    "values": {"cpu_load": 96.2, "cpu_user": 48.1},
    "jobs": [4711],
}


class Hardware(BaseModel):
    """What the agent found; null where it could not tell."""

    model_config = ConfigDict(extra="ignore")
    cpu_model: str | None = None
    sockets: int | None = None
    cores: int | None = None
    hwthreads: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    gpu_models: list[str] | None = None
    kernel: str | None = None
    os: str | None = None
    architecture: str | None = None
    collectors: list[str] | None = None


class NodeItem(BaseModel):
    """One node now."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    cluster: str
    hostname: str
    state: NodeState = Field(
        description="up: a sample within 3 intervals; stale: within 15 minutes; down: none"
    )
    last_sample_time: datetime | None = Field(description="null: none within 15 minutes")
    reported_time: datetime | None = Field(
        description="when its agent last said what the node is; null: another collector sends its samples"
    )
    interval_seconds: float | None = Field(description="time between two samples")
    boot_time: datetime | None
    agent_version: str | None
    hardware: Hardware
    values: dict[str, float] = Field(description="newest node-level value by metric")
    jobs: list[int] = Field(description="job ids that run there and that the caller may see")


class NodePage(BaseModel):
    """A page of nodes, ordered by cluster and hostname."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_EXAMPLE], "next": "/v1/nodes?cursor=WyJu"}]}
    )
    items: list[NodeItem]
    next: str | None = Field(description="path of the next page")
