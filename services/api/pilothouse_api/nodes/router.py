"""Routes of nodes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.nodes import service
from pilothouse_api.nodes.schemas import NodeItem, NodePage, NodeState
from pilothouse_api.nodes.series import series_of_node
from pilothouse_api.paging import Cursor, Limit, next_link
from pilothouse_api.ports import Ports, ports_of
from pilothouse_api.series.schemas import (
    LevelQuery,
    MetricsQuery,
    PointsQuery,
    ResolutionQuery,
    SeriesAnswer,
    WithinQuery,
)
from pilothouse_api.times import TimeQuery
from pilothouse_api.words import ClusterQuery, Word

router = APIRouter(prefix="/v1/nodes", tags=["nodes"])
PortsDep = Annotated[Ports, Depends(ports_of)]
Reader = Annotated[Caller, needs("nodes:read")]
Hostname = Annotated[Word, Path(description="as Slurm knows it", examples=["n001"])]


@router.get("", summary="List nodes")
def list_nodes(
    *,
    request: Request,
    caller: Reader,
    ports: PortsDep,
    cluster: ClusterQuery = None,
    hostname: Annotated[Word | None, Query(description="the whole name")] = None,
    state: Annotated[NodeState | None, Query(description="by its newest sample")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> NodePage:
    """List nodes by cluster and hostname, with their newest values and the jobs that run there.

    With ``state`` a page may be shorter than ``limit`` although another follows.
    """
    query = service.NodeQuery(
        cluster=cluster, hostname=hostname, state=state, limit=limit, cursor=cursor
    )
    items, after = service.page_of_nodes(ports, caller, query)
    return NodePage(items=items, next=next_link(request, after))


@router.get("/{hostname}", summary="One node")
def show_node(
    hostname: Hostname, caller: Reader, ports: PortsDep, cluster: ClusterQuery = None
) -> NodeItem:
    """Return one node as in the list."""
    return service.one_node(ports, caller, hostname, cluster)


@router.get("/{hostname}/series", summary="Series of one node")
def show_node_series(
    *,
    hostname: Hostname,
    caller: Reader,
    ports: PortsDep,
    cluster: ClusterQuery = None,
    metrics: MetricsQuery = None,
    type: LevelQuery = "node",
    within: WithinQuery = "avg",
    start: TimeQuery = None,
    end: TimeQuery = None,
    points: PointsQuery = None,
    resolution_seconds: ResolutionQuery = None,
) -> SeriesAnswer:
    """Return the series of one node, of the last hour unless asked otherwise."""
    node = service.find_node(ports, caller, hostname, cluster)
    return series_of_node(
        ports,
        node,
        metrics=metrics,
        level=type,
        within=within,
        window=(start, end),
        points=points,
        resolution_seconds=resolution_seconds,
    )
