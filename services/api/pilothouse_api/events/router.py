"""Routes of events."""

from typing import Annotated

from fastapi import APIRouter, Depends

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.bodies import Body
from pilothouse_api.events.schemas import REQUEST_BODY, Accepted
from pilothouse_api.events.service import accept_events
from pilothouse_api.ports import Ports, ports_of

router = APIRouter(prefix="/v1/events", tags=["messages"])


@router.post(
    "",
    status_code=202,
    summary="Publish events",
    openapi_extra={"requestBody": REQUEST_BODY},
)
def publish_events(
    caller: Annotated[Caller, needs("events:write")],
    body: Body,
    ports: Annotated[Ports, Depends(ports_of)],
) -> Accepted:
    """Take one CloudEvents 1.0 document, or a batch of them: all or none.

    Answered once the broker has them. The same event may be sent again: (source, id) tells.
    """
    return Accepted(accepted=accept_events(caller, body, ports.publisher))
