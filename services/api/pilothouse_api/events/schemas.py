"""Shapes of accepted messages; the events themselves are contract.events."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "alpha-4711-0-start",
    "source": "/alpha/hook/ctl",
    "type": "job.started",
    "subject": "alpha/jobs/4711",
    "time": "2026-11-20T12:00:00Z",
    "datacontenttype": "application/json",
    "data": {
        "cluster": "alpha",
        "job_id": 4711,
        "user": "alice",
        "nodes": ["n001"],
        "start_time": "2026-11-20T12:00:00Z",
    },
}
_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 255},
        "source": {"type": "string", "minLength": 1, "maxLength": 255},
        "type": {"type": "string", "examples": ["job.started"]},
        "subject": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string"},
        "data": {"type": "object", "description": "see docs/wire-contract.md"},
    },
}
REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        SINGLE: {"schema": _EVENT, "example": EXAMPLE},
        BATCH: {"schema": {"type": "array", "items": _EVENT}, "example": [EXAMPLE]},
    },
}


class Accepted(BaseModel):
    """The broker has them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"accepted": 1}]})
    accepted: int = Field(description="events, or messages of samples")
