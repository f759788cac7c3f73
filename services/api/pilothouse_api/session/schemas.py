"""Shapes of sessions."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class SessionStart(BaseModel):
    """A pasted token, to be exchanged for a session."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    token: str = Field(min_length=1, max_length=8192)


class SessionItem(BaseModel):
    """Who is logged in."""

    subject: str = Field(examples=["alice"])
    scopes: list[str] = Field(examples=[["jobs:read", "nodes:read"]])
    restriction: dict[str, Any]
    expiry_time: datetime
