"""Routes of plugins."""

from typing import Annotated

from fastapi import APIRouter, Request

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.plugins.schemas import PluginPage

router = APIRouter(prefix="/v1/plugins", tags=["plugins"])


@router.get("", summary="List plugins")
def list_plugins(
    request: Request,
    caller: Annotated[Caller, needs("links:read")],  # noqa: ARG001 checks the scope
) -> PluginPage:
    """List the plugins of this gateway and their paths."""
    return PluginPage(items=list(request.app.state.plugins))
