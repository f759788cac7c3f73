"""All routes in one list, and how the OpenAPI document describes them."""

from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pilothouse_common.contract.scopes import SCOPES

from pilothouse_api.clusters.router import router as clusters
from pilothouse_api.events.router import router as events
from pilothouse_api.health.router import router as health
from pilothouse_api.jobs.router import router as jobs
from pilothouse_api.live.router import router as live
from pilothouse_api.metrics.router import router as metrics
from pilothouse_api.nodes.router import router as nodes
from pilothouse_api.page.router import router as page
from pilothouse_api.plugins.router import router as plugins
from pilothouse_api.problems import MEDIA_TYPE, Problem
from pilothouse_api.runs.router import router as runs
from pilothouse_api.samples.router import router as samples
from pilothouse_api.session.router import router as session
from pilothouse_api.tokens.router import router as tokens

ROUTERS = (
    nodes,
    jobs,
    runs,
    metrics,
    clusters,
    events,
    samples,
    live,
    tokens,
    session,
    plugins,
    health,
    page,
)
VERSION = "1"
_ABOUT = """Monitoring of HPC nodes, jobs and runs.

Send a token as `Authorization: Bearer …` or `X-Auth-Token`; browsers hold a session cookie. Each
operation names the scopes it needs. Lists are `{"items": […], "next": link or null}`; follow `next`.
Errors are RFC 9457 problem details. What the token may not see does not exist (404).
"""
_UNFIT = {"422": "The request does not fit: `errors` or `detail` says where."}
_JSON_BODY = {"400": "The body is not JSON.", "413": "The body is too large."}
_GUARDED = {
    "401": "No token, or not a valid one (any more).",
    "403": "The token has no such scope, or a session came without its CSRF proof.",
}
_BY_NAME = {
    "login": {"401": "The code is unknown, used or too old."},
    "open_session": {"401": "The token is not valid."},
}
_STEERED = {
    "409": "The run is not connected to its agent (any more), or the simulation refuses.",
    "504": "The simulation did not answer in time.",
}
_BY_MARK = {
    "{": {"404": "It does not exist, or the token may not see it."},
    "/v1/": {"503": "A store or the broker is away; see Retry-After."},
    "/v1/events": {"413": "The body is too large.", "415": "Another content type or encoding."},
    "/v1/samples": {"413": "The body is too large.", "415": "Another content type or encoding."},
    "/variables": _STEERED,
    "/functions": _STEERED,
    "/v1/live": {"429": "Too many open streams; see Retry-After."},
    "/v1/nodes/": {"409": "Several clusters have one: name the cluster."},
}


def make_app() -> FastAPI:
    """Return an app with every route and no ports: enough for its OpenAPI document."""
    app = FastAPI(
        title="Pilothouse",
        version=VERSION,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = cache(lambda: document_of(app))  # type: ignore[method-assign]  # the documented hook
    return app


def document_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document: scopes as security, problems as answers."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _add_problems(path, operation)
            _name_scopes(operation)
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    return document


def _operation_id(route: APIRoute) -> str:
    return route.name


def _add_problems(path: str, operation: dict[str, Any]) -> None:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, text in sorted(_problems_of(path, operation).items()):
        existing = operation["responses"].get(status)
        if existing is None or status == "422":
            operation["responses"][status] = {"description": text, "content": content}


def _problems_of(path: str, operation: dict[str, Any]) -> dict[str, str]:
    body = operation.get("requestBody", {}).get("content", {})
    found = dict(_UNFIT) if body or "parameters" in operation else {}
    if "application/json" in body:
        found |= _JSON_BODY
    if operation.get("security"):
        found |= _GUARDED
    found |= _BY_NAME.get(operation["operationId"], {})
    for mark, problems in _BY_MARK.items():
        if mark in path:
            found |= problems
    return found


def _name_scopes(operation: dict[str, Any]) -> None:
    security = operation.get("security")
    if not security:
        return
    scopes = next(iter(security[0].values()))
    text = ", ".join(f"`{scope}` ({SCOPES[scope]})" for scope in scopes) or "any valid token"
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds: {text}.".strip()
