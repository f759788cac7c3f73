"""Puts the paths of plugins below ``/v1/plugins/<name>``, behind their scopes and a bound on threads."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from threading import BoundedSemaphore

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from pilothouse_common.contract.scopes import SCOPES
from pilothouse_common.runtime.plugins import Plugin, PluginRoute, load_plugins

from pilothouse_api.access.authorize import needs
from pilothouse_api.plugins.schemas import PluginItem, PluginPath

AT_ONCE = 4
"""Requests of one plugin at once: a hanging plugin must leave the gateway its threads."""
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def mount_plugins(app: FastAPI, names: Sequence[str]) -> list[PluginItem]:
    """Load the plugins and add their paths to the app; return how each fares."""
    items = []
    for plugin in load_plugins(names):
        paths = _mount(app, plugin)
        items.append(
            PluginItem(
                name=plugin.name, version=plugin.version, problem=plugin.problem, paths=paths
            )
        )
    return items


def _mount(app: FastAPI, plugin: Plugin) -> list[PluginPath]:
    router = APIRouter(
        prefix=f"/v1/plugins/{plugin.name}",
        include_in_schema=False,
        dependencies=[Depends(_at_once(plugin.name))],
    )
    paths = []
    for route in plugin.call("pilothouse_routes"):
        try:
            paths.append(_add(router, route))
        except Exception as exc:  # noqa: BLE001 FastAPI refuses handlers in many ways; told as a problem
            plugin.fail(f"pilothouse_routes: {getattr(route, 'path', route)!r}: {exc}")
            return []
    app.include_router(router)
    app.router.routes.insert(
        0, app.router.routes.pop()
    )  # the page, which is last, takes every path
    return paths


def _add(router: APIRouter, route: object) -> PluginPath:
    if not isinstance(route, PluginRoute):
        raise TypeError("not a PluginRoute")
    if not route.path.startswith("/"):
        raise ValueError("the path must begin with /")
    if route.scope not in SCOPES:
        raise ValueError(f"there is no scope {route.scope!r}; known: {', '.join(SCOPES)}")
    if route.method not in METHODS:
        raise ValueError(
            f"there is no method {route.method!r}; known: {', '.join(sorted(METHODS))}"
        )
    if inspect.iscoroutinefunction(route.handler):
        raise TypeError(
            "the handler is a coroutine: it could stop the gateway; use a plain function"
        )
    router.add_api_route(
        route.path,
        route.handler,
        methods=[route.method],
        dependencies=[needs(route.scope)],
        summary=route.summary,
    )
    return PluginPath(
        method=route.method,
        path=router.prefix + route.path,
        scope=route.scope,
        summary=route.summary,
    )


def _at_once(name: str) -> Callable[[], Iterator[None]]:
    places = BoundedSemaphore(AT_ONCE)

    def place() -> Iterator[None]:
        if not places.acquire(blocking=False):
            raise HTTPException(503, f"the plugin {name} is busy with {AT_ONCE} requests")
        try:
            yield
        finally:
            places.release()

    return place
