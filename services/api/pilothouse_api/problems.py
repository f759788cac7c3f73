"""Every error leaves as RFC 9457 problem details, through the one handler in this file."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pilothouse_common.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NoAnswer,
    NotFound,
    PilothouseError,
    Rejected,
    Transient,
    Unauthenticated,
    UnknownMessage,
)
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
_STATUS: tuple[tuple[type[PilothouseError], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Malformed, 422),
    (UnknownMessage, 422),
    (Rejected, 422),
    (NoAnswer, 504),
    (Transient, 503),
)


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(description="where: path, query, body …, then the name")
    msg: str = Field(description="what is wrong")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "no job 4711",
                    "instance": "/v1/jobs/4711",
                }
            ]
        }
    )
    type: str = Field(description="kind of problem; about:blank means the status says it all")
    title: str = Field(description="the status in words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what is wrong here and what to do")
    instance: str = Field(description="the path that was asked for")
    errors: list[FieldProblem] | None = Field(
        default=None, description="one entry per field that is wrong (validation only)"
    )


def install(app: FastAPI) -> None:
    """Register the handler for everything that can be raised."""
    for kind in (PilothouseError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)
    app.add_middleware(LastResort)


class LastResort:
    """Answers what no handler knows with a problem of status 500, inside all other middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as exc:
            if begun or scope["type"] != "http":
                raise
            response = await handle(Request(scope), exc)
            await response(scope, receive, send)


async def handle(request: Request, exc: Exception) -> JSONResponse:
    """Render any exception; what nobody expected is logged and says nothing of the inside."""
    headers: dict[str, str] = {}
    errors: list[dict[str, Any]] | None = None
    match exc:
        case RequestValidationError():
            status, detail = 422, "the request does not fit: see errors"
            errors = [{"loc": _loc(e["loc"]), "msg": _printable(e["msg"])} for e in exc.errors()]
        case HTTPException():
            status, detail = exc.status_code, str(exc.detail)
            headers.update(exc.headers or {})
        case PilothouseError():
            status, detail = status_of(exc), str(exc)
        case ClientDisconnect():
            status, detail = 400, "the client went away"  # nobody reads it
        case _:
            status, detail = 500, "the server failed; the operator finds the reason in its log"
            log.error("request failed", exc_info=exc, extra={"path": request.url.path})
    if status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="pilothouse"')
    if status == 503:
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
        log.warning("request needs a part that is away", extra={"reason": detail})
        detail = _away(exc)
    return render(request.url.path, status, detail, headers=headers, errors=errors)


def render(
    path: str,
    status: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: list[dict[str, Any]] | None = None,
) -> JSONResponse:
    """Return the response of one problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _printable(detail),
        "instance": _printable(path),
    }
    if errors is not None:
        body["errors"] = errors
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def status_of(exc: PilothouseError) -> int:
    """Return the HTTP status of one of our errors."""
    return next((status for kind, status in _STATUS if isinstance(exc, kind)), 500)


def _away(exc: Exception) -> str:
    """Say which part is away, not where it lives: its address is the operator's business."""
    if isinstance(exc, HTTPException):
        return str(exc.detail)
    return f"{type(exc).__name__}: try again in {RETRY_SECONDS} s"


def _loc(loc: tuple[str | int, ...]) -> list[str | int]:
    return [_printable(part) if isinstance(part, str) else part for part in loc]


def _printable(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8; everything else is as it came."""
    return text.encode("utf-8", "replace").decode("utf-8")
