"""Routes of samples."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.bodies import Body
from pilothouse_api.events.schemas import Accepted
from pilothouse_api.ports import Ports, ports_of
from pilothouse_api.samples.service import accept_samples

router = APIRouter(prefix="/v1/samples", tags=["messages"])
_LINE = "cpu_load,cluster=alpha,hostname=n001,type=node value=1.5 1795176000\n"


@router.post(
    "",
    status_code=202,
    summary="Publish samples",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/plain": {"schema": {"type": "string"}, "example": _LINE}},
        }
    },
)
def publish_samples(
    caller: Annotated[Caller, needs("samples:write")],
    body: Body,
    ports: Annotated[Ports, Depends(ports_of)],
    cluster: Annotated[
        str | None,
        Query(max_length=63, description="else the token's, else that of the first line"),
    ] = None,
    hostname: Annotated[
        str | None, Query(max_length=253, description="else that of the first line")
    ] = None,
) -> Accepted:
    """Take ClusterCockpit line protocol (seconds; gzip or identity) of one node.

    Answered once the broker has it. The store judges each line later; a bad one becomes a dead letter.
    """
    accept_samples(caller, body, ports.publisher, cluster=cluster, hostname=hostname)
    return Accepted(accepted=1)
