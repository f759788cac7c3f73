"""Answers as Flask writes them: sorted keys, a line end; texts and errors as HTML."""

import html
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from pilothouse_common.errors import Forbidden, NotFound, Transient, Unauthenticated
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pilothouse_api.problems import RETRY_SECONDS

NOT_ALLOWED = (
    "You are not allowed to access this link, login using `/login` and your token. You can see the access "
    "level allowed with your token using `/scope` or supply a valid token using the token parameter"
)
"""JuMonC's sentence: clients look for it."""
_VARY = {"Vary": "Cookie"}


def json_answer(body: Any, status: int = 200) -> Response:
    """Return a JSON document with sorted keys."""
    content = msgspec.json.encode(body, order="sorted") + b"\n"
    return Response(content, status, _VARY, "application/json")


def text_answer(text: str, status: int = 200) -> Response:
    """Return a text, which JuMonC calls HTML; nothing in it is markup."""
    return HTMLResponse(html.escape(text, quote=False), status, _VARY)


def page_answer(status: int, detail: str, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """Return an error as a page."""
    title = html.escape(f"{status} {HTTPStatus(status).phrase}")
    body = (
        f"<!doctype html>\n<html lang=en>\n<title>{title}</title>\n"
        f"<h1>{html.escape(HTTPStatus(status).phrase)}</h1>\n<p>{html.escape(detail)}</p>\n"
    )
    return HTMLResponse(body, status, {**_VARY, **(headers or {})})


def not_allowed() -> Response:
    """Return the refusal of a token that is missing, not valid or too weak."""
    return text_answer(NOT_ALLOWED, 401)


def error_answer(_request: Request, exc: Exception) -> Response:
    """Render our errors and the router's."""
    match exc:
        case HTTPException():
            detail = "There is nothing here." if exc.status_code == 404 else str(exc.detail)
            return page_answer(exc.status_code, detail, exc.headers)
        case Unauthenticated():
            return not_allowed()
        case NotFound():
            return page_answer(404, str(exc))
        case Forbidden():
            return text_answer(str(exc), 403)
        case Transient():
            answer = text_answer(f"{type(exc).__name__}: try again in {RETRY_SECONDS} s", 503)
            answer.headers["Retry-After"] = str(RETRY_SECONDS)
            return answer
        case _:
            return text_answer(str(exc), 400)
