"""Routes of live changes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.live.feed import Feed, LiveQuery, parse_types
from pilothouse_api.live.response import LiveResponse
from pilothouse_api.live.stream import Stream
from pilothouse_api.ports import Ports, ports_of
from pilothouse_api.words import ClusterQuery

router = APIRouter(prefix="/v1/live", tags=["live"])
_EVENT = {
    "type": "object",
    "description": "one event of the stream",
    "properties": {
        "id": {"type": "string", "description": "its seq, for Last-Event-ID"},
        "event": {"type": "string", "description": "its type, or reset"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "seq, type, time, cluster, job_id, hostname, data",
        },
    },
}
_EXAMPLE = (
    "retry: 2000\nid: 41\n\nid: 42\nevent: job.started\n"
    'data: {"seq":42,"type":"job.started","time":"2026-11-20T12:00:00Z","cluster":"alpha",'
    '"job_id":4711,"hostname":null,"data":{"cluster":"alpha","job_id":4711}}\n\n'
)


@router.get(
    "",
    status_code=200,
    summary="Follow changes",
    response_class=LiveResponse,
    responses={
        200: {
            "description": "Server-sent events without end",
            "content": {"text/event-stream": {"schema": _EVENT, "example": _EXAMPLE}},
        }
    },
)
async def follow(
    *,
    caller: Annotated[Caller, needs("live:read")],
    ports: Annotated[Ports, Depends(ports_of)],
    types: Annotated[
        str | None,
        Query(max_length=512, description="only these event types, between commas"),
    ] = None,
    job_id: Annotated[int | None, Query(ge=1, le=2**53, description="only this job")] = None,
    cluster: ClusterQuery = None,
    last_event_id: Annotated[
        str | None,
        Header(
            max_length=20,
            pattern="^[0-9]{1,18}$",
            description="replay what came after it (browsers send it themselves)",
        ),
    ] = None,
) -> LiveResponse:
    """Send events as they are recorded, those of one's own jobs only unless with ``admin:all``.

    Each has ``id`` (its seq), ``event`` (its type) and ``data`` (JSON). ``event: reset`` says that the
    replay would be too long: load what you show anew. The stream ends with the token.
    """
    query = LiveQuery(parse_types(types), cluster, job_id)
    return LiveResponse(
        Stream(
            hub=ports.live,
            feed=Feed(ports.records, caller, query),
            tokens=ports.tokens,
            caller=caller,
            clock=ports.clock,
            last_id=int(last_event_id) if last_event_id else None,
        )
    )
