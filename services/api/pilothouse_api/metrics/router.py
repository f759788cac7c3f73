"""Routes of metrics."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter
from pilothouse_common.contract.metrics.table import METRICS

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.metrics.schemas import MetricItem, MetricPage

router = APIRouter(prefix="/v1/metrics", tags=["nodes"])


@router.get("", summary="The catalogue of metrics")
def list_metrics(caller: Annotated[Caller, needs("nodes:read")]) -> MetricPage:  # noqa: ARG001 checks the scope
    """List what each metric means, its unit, and how nodes add up."""
    return MetricPage(items=[MetricItem(**asdict(metric)) for metric in METRICS])
