"""Lists: ``{"items": […], "next": link or null}``; the link is the same question with a cursor."""

from typing import Annotated

from fastapi import Query, Request
from starlette.datastructures import QueryParams

MAX_LIMIT = 500
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items per page")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=1024,
        description="where the page begins: taken from `next`, never made by hand",
    ),
]


def next_link(request: Request, cursor: str | None) -> str | None:
    """Return the path and query of the page after this one."""
    if cursor is None:
        return None
    pairs = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    return f"{request.url.path}?{QueryParams([*pairs, ('cursor', cursor)])}"
