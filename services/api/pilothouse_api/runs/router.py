"""Routes of runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pilothouse_common.contract.commands import NAME
from pilothouse_common.contract.events import RUN_ID_PATTERN

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.paging import Cursor, Limit, next_link
from pilothouse_api.ports import Ports, ports_of
from pilothouse_api.runs import service, steering
from pilothouse_api.runs.schemas import (
    Call,
    Called,
    FunctionList,
    NewValue,
    RunItem,
    RunPage,
    State,
    VariableItem,
    VariableList,
)
from pilothouse_api.series.schemas import (
    PointsQuery,
    ResolutionQuery,
    SeriesAnswer,
    WithinQuery,
)
from pilothouse_api.times import TimeQuery
from pilothouse_api.words import ClusterQuery, Word

router = APIRouter(prefix="/v1/runs", tags=["runs"])
PortsDep = Annotated[Ports, Depends(ports_of)]
Reader = Annotated[Caller, needs("runs:read")]
Writer = Annotated[Caller, needs("runs:write")]
RunId = Annotated[
    str,
    Path(pattern=RUN_ID_PATTERN, description="its id", examples=["0f3a5c7e9b1d.0123456789abcdef"]),
]
Name = Annotated[str, Path(pattern=NAME, description="its name", examples=["dt"])]
Seconds = Annotated[
    float, Query(gt=0, le=60, description="how long to wait for the simulation's answer, seconds")
]


@router.get("", summary="List runs")
def list_runs(
    *,
    request: Request,
    caller: Reader,
    ports: PortsDep,
    user: Annotated[list[Word], Query(max_length=50, description="any of these users")] = [],  # noqa: B006 FastAPI copies it
    state: Annotated[list[State], Query(max_length=2, description="any of these")] = [],  # noqa: B006 FastAPI copies it
    job_id: Annotated[int | None, Query(ge=1, le=2**53, description="only of this job")] = None,
    cluster: ClusterQuery = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RunPage:
    """List runs that fit all that is given, the newest first; one's own, with ``admin:all`` everybody's."""
    items, after = service.page_of_runs(
        ports,
        caller,
        users=user,
        states=state,
        job_id=job_id,
        cluster=cluster,
        cursor=cursor,
        limit=limit,
    )
    return RunPage(items=items, next=next_link(request, after))


@router.get("/{run_id}", summary="One run")
def show_run(run_id: RunId, caller: Reader, ports: PortsDep) -> RunItem:
    """Return one run."""
    return RunItem.model_validate(service.find_run(ports, caller, run_id))


@router.get("/{run_id}/series", summary="Series of a run's variables")
def show_run_series(
    *,
    run_id: RunId,
    caller: Reader,
    ports: PortsDep,
    variables: Annotated[
        list[str] | None,
        Query(max_length=64, description="names between commas (may repeat); none: all numbers"),
    ] = None,
    within: WithinQuery = "avg",
    start: TimeQuery = None,
    end: TimeQuery = None,
    points: PointsQuery = None,
    resolution_seconds: ResolutionQuery = None,
) -> SeriesAnswer:
    """Return the sampled values of variables; ``metric`` is the variable's name."""
    return service.series_of_run(
        ports,
        service.find_run(ports, caller, run_id),
        variables=variables,
        within=within,
        window=(start, end),
        points=points,
        resolution_seconds=resolution_seconds,
    )


@router.get("/{run_id}/variables", summary="Variables of a run")
def list_variables(
    run_id: RunId, caller: Reader, ports: PortsDep, timeout_seconds: Seconds = 10
) -> VariableList:
    """Return what the connected simulation exposes, with the newest values."""
    run = service.find_run(ports, caller, run_id)
    return steering.variables_of(ports, caller, run, timeout_seconds)


@router.get("/{run_id}/variables/{name}", summary="One variable of a run")
def show_variable(
    run_id: RunId, name: Name, caller: Reader, ports: PortsDep, timeout_seconds: Seconds = 10
) -> VariableItem:
    """Return a variable with its newest value."""
    run = service.find_run(ports, caller, run_id)
    return steering.variable_of(ports, caller, run, name, timeout_seconds)


@router.put("/{run_id}/variables/{name}", summary="Set a variable of a run")
def set_variable(
    *,
    run_id: RunId,
    name: Name,
    wish: NewValue,
    caller: Writer,
    ports: PortsDep,
    timeout_seconds: Seconds = 10,
) -> VariableItem:
    """Give a writable variable another value; answered when the simulation has taken it.

    After a 504 it will not be taken any more, unless it just was: read the variable.
    """
    run = service.find_run(ports, caller, run_id)
    return steering.set_variable(ports, caller, run, name, wish, timeout_seconds=timeout_seconds)


@router.get("/{run_id}/functions", summary="Functions of a run")
def list_functions(
    run_id: RunId, caller: Reader, ports: PortsDep, timeout_seconds: Seconds = 10
) -> FunctionList:
    """Return the functions that the connected simulation lets be called."""
    run = service.find_run(ports, caller, run_id)
    return steering.functions_of(ports, caller, run, timeout_seconds)


@router.post("/{run_id}/functions/{name}", summary="Call a function of a run")
def call_function(
    *,
    run_id: RunId,
    name: Name,
    call: Call,
    caller: Writer,
    ports: PortsDep,
    timeout_seconds: Seconds = 10,
) -> Called:
    """Call a function; answered when it has returned."""
    run = service.find_run(ports, caller, run_id)
    return steering.call_function(ports, caller, run, name, call, timeout_seconds=timeout_seconds)
