"""Shapes of sessions."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class SessionStart(BaseModel):
    """A pasted token, to be exchanged for a session."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"token": "eyJhbGciOiJIUzI1NiIs…"}]},
    )
    token: str = Field(min_length=1, max_length=8192)


class SessionItem(BaseModel):
    """Who is logged in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subject": "alice",
                    "scopes": ["jobs:read", "nodes:read"],
                    "restriction": {},
                    "expiry_time": "2026-11-21T00:00:00Z",
                }
            ]
        }
    )
    subject: str
    scopes: list[str]
    restriction: dict[str, Any]
    expiry_time: datetime
