"""The shape of series, and the parameters that ask for them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

Level = Literal["node", "socket", "die", "memoryDomain", "llc", "core", "hwthread", "accelerator"]
Within = Literal["avg", "min", "max", "sum"]

MetricsQuery = Annotated[
    list[str] | None,
    Query(
        description="metric names between commas (may repeat); see /v1/metrics",
        examples=[["cpu_user,mem_used"]],
        max_length=64,
    ),
]
PointsQuery = Annotated[
    int | None, Query(ge=1, le=10_000, description="at most so many values per series")
]
ResolutionQuery = Annotated[
    int | None,
    Query(ge=1, le=31 * 86_400, description="seconds per value, instead of `points`"),
]
WithinQuery = Annotated[
    Within, Query(description="how the samples of one bucket of one series become one value")
]
OverNodesQuery = Annotated[
    Within | None,
    Query(description="combine the nodes' series into one; without it one series per node"),
]
LevelQuery = Annotated[Level, Query(description="hardware level of the series")]


class SeriesItem(BaseModel):
    """One series; buckets without samples are left out."""

    metric: str
    unit: str
    hostname: str | None = Field(description="null for a series over nodes")
    type: str
    type_id: str
    stype_id: str
    times: list[int] = Field(description="starts of the buckets, Unix seconds")
    values: list[float]


class SeriesAnswer(BaseModel):
    """Series on one grid."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "start": "2026-11-20T12:00:00Z",
                    "end": "2026-11-20T13:00:00Z",
                    "resolution_seconds": 20,
                    "items": [
                        {
                            "metric": "cpu_user",
                            "unit": "%",
                            "hostname": "n001",
                            "type": "node",
                            "type_id": "",
                            "stype_id": "",
                            "times": [1795176000, 1795176020],
                            "values": [97.5, 98.1],
                        }
                    ],
                }
            ]
        }
    )
    start: datetime
    end: datetime
    resolution_seconds: int
    items: list[SeriesItem]
