"""Routes for probes and for Prometheus. Public: they name no host, user or job."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from pilothouse_common.runtime.health import readiness
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from pilothouse_api.ports import Ports, ports_of

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Does the process live?")
def healthz() -> dict[str, str]:
    """Answer as long as the process serves requests."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="Can its parts be used?",
    responses={503: {"description": "At least one part is away.", "model": dict[str, str]}},
)
def readyz(ports: Annotated[Ports, Depends(ports_of)]) -> JSONResponse:
    """Say ``ok`` or ``unavailable`` for each part; the reason is on the service's health port."""
    parts = {
        "broker": ports.broker.check,
        "records": ports.records.check,
        "samples": ports.samples.check,
    }
    states = {
        name: "ok" if state == "ok" else "unavailable" for name, state in readiness(parts).items()
    }
    return JSONResponse(states, 200 if set(states.values()) == {"ok"} else 503)


@router.get(
    "/metrics",
    summary="The gateway's own metrics",
    response_class=Response,
    responses={
        200: {
            "description": "OpenMetrics text",
            "content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}},
        }
    },
)
def metrics(ports: Annotated[Ports, Depends(ports_of)]) -> Response:
    """Return the gateway's own metrics as OpenMetrics (samples of nodes are in /v1/nodes)."""
    text: bytes = generate_latest(ports.telemetry.registry)  # type: ignore[no-untyped-call]
    return Response(text, media_type=CONTENT_TYPE_LATEST)
