"""Shapes of clusters."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class ClusterItem(BaseModel):
    """One cluster."""

    name: str = Field(examples=["alpha"])
    first_seen: datetime
    nodes: int = Field(description="nodes that reported themselves")
    jobs_running: int = Field(description="of those that the caller may see")
    jobs_pending: int = Field(description="of those that the caller may see")


class ClusterPage(BaseModel):
    """All clusters: a site has a handful."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "alpha",
                            "first_seen": "2026-11-01T06:00:00Z",
                            "nodes": 128,
                            "jobs_running": 97,
                            "jobs_pending": 12,
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )
    items: list[ClusterItem]
    next: str | None = Field(default=None, description="always null: one page")
