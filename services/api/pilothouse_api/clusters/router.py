"""Routes of clusters."""

from typing import Annotated

from fastapi import APIRouter, Depends

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.clusters.schemas import ClusterPage
from pilothouse_api.clusters.service import list_visible
from pilothouse_api.ports import Ports, ports_of

router = APIRouter(prefix="/v1/clusters", tags=["nodes"])


@router.get("", summary="List clusters")
def list_clusters(
    caller: Annotated[Caller, needs("nodes:read")], ports: Annotated[Ports, Depends(ports_of)]
) -> ClusterPage:
    """List clusters with how much is in them."""
    return ClusterPage(items=list_visible(ports, caller))
