"""Shapes of tokens."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import to_builtins
from pilothouse_common.contract.scopes import Restriction
from pydantic import BaseModel, ConfigDict, Field

from pilothouse_api.words import Word

MAX_LIFETIME_SECONDS = 10 * 366 * 86_400


class RestrictionShape(BaseModel):
    """On what a token may act; every part that is set must hold."""

    model_config = ConfigDict(extra="forbid")
    cluster: Word | None = None
    user: Word | None = None
    account: Word | None = None
    job_id: Annotated[int, Field(ge=1, le=2**53)] | None = None
    run_id: Word | None = None

    def value(self) -> Restriction:
        """Return it as the contract's value."""
        return Restriction(**self.model_dump())

    @classmethod
    def of(cls, restriction: Restriction) -> "RestrictionShape":
        """Return the shape of the contract's value."""
        return cls(**to_builtins(restriction))


class NewToken(BaseModel):
    """A wish for a token."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "my dashboard",
                    "scopes": ["jobs:read", "stats:read"],
                    "restriction": {"cluster": "alpha"},
                    "lifetime_seconds": 86400,
                }
            ]
        },
    )
    name: Word = Field(description="what it is for, to find it in the list")
    scopes: list[Word] = Field(
        min_length=1, max_length=64, description="scopes, or bundles like compute_data"
    )
    restriction: RestrictionShape = Field(default_factory=RestrictionShape)
    lifetime_seconds: int = Field(
        ge=1, le=MAX_LIFETIME_SECONDS, description="ends with the parent at the latest"
    )
    subject: Word | None = Field(
        default=None, description="for whom; another than oneself needs tokens:manage"
    )


_EXAMPLE: dict[str, Any] = {
    "jti": "0d9e3b7c5f8a4a52a1f2c7d1d6b1c9e4",
    "subject": "alice",
    "name": "my dashboard",
    "scopes": ["jobs:read", "stats:read"],
    "restriction": {"cluster": "alpha"},
    "parent_jti": None,
    "created_time": "2026-11-20T12:00:00Z",
    "expiry_time": "2026-11-21T12:00:00Z",
    "revoked_time": None,
}


class TokenItem(BaseModel):
    """What is kept of a token; the token itself is not."""

    jti: str
    subject: str
    name: str
    scopes: list[str]
    restriction: dict[str, Any]
    parent_jti: str | None = Field(description="the token it was minted from, and dies with")
    created_time: datetime
    expiry_time: datetime
    revoked_time: datetime | None


class MintedToken(TokenItem):
    """A new token. It is shown this once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EXAMPLE, "token": "eyJhbGciOiJIUzI1NiIs…"}]}
    )
    token: str


class TokenPage(BaseModel):
    """A page of tokens, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_EXAMPLE], "next": None}]})
    items: list[TokenItem]
    next: str | None = Field(description="path of the next page")
