"""All paths of the form: what each needs, and the one way in which all of them are answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from pilothouse_common.errors import PilothouseError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from pilothouse_api.compat.jumonc import cache, metrics, process, scheduled, session
from pilothouse_api.compat.jumonc.call import Call, first_values
from pilothouse_api.compat.jumonc.catalogue import LAYERS, NOUNS, Layer
from pilothouse_api.compat.jumonc.levels import (
    COMPUTE_DATA,
    FULL,
    LEVELS,
    RETRIEVE_SIMULATION_DATA,
    SEE_LINKS,
    Level,
)
from pilothouse_api.compat.jumonc.options import PREFIX
from pilothouse_api.compat.jumonc.question import read_question
from pilothouse_api.compat.jumonc.respond import error_answer, json_answer
from pilothouse_api.compat.jumonc.space import Jumonc

Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class Entry:
    """One path.

    Attributes:
        path: Its template.
        level: What it needs; None: nothing.
        handler: Answers it.
        changes: Whether it changes something, although it is a GET.
    """

    path: str
    level: Level | None
    handler: Handler
    changes: bool = False


def entries() -> list[Entry]:
    """Return every path there is."""
    return [
        Entry("/", None, lambda call: json_answer(call.space.links.root())),
        Entry("/ping", None, process.ping),
        Entry("/version", None, process.version),
        Entry("/login", None, session.login),
        Entry("/logout", None, session.logout),
        Entry("/scope", None, session.scope),
        Entry("/stop", FULL, process.stop, changes=True),
        Entry("/all_links", FULL, _all_links),
        *(
            Entry(f"/test_auth_{level.name}", level, partial(session.test_level, level=level))
            for level in LEVELS
        ),
        Entry("/v1", SEE_LINKS, lambda call: json_answer(call.space.links.version())),
        *(Entry(f"/v1/{noun}", SEE_LINKS, partial(_noun, noun=noun)) for noun in NOUNS),
        *(Entry(layer.path, SEE_LINKS, partial(_layer, layer=layer)) for layer in LAYERS),
        *(
            Entry(f"{layer.path}/{{name}}", COMPUTE_DATA, partial(_metric, layer=layer))
            for layer in LAYERS
            if layer.parameters
        ),
        Entry("/v1/cache/list", RETRIEVE_SIMULATION_DATA, cache.show_list),
        Entry("/v1/cache/id", RETRIEVE_SIMULATION_DATA, cache.show_one),
        Entry("/v1/scheduled/list", SEE_LINKS, scheduled.show_list),
        Entry("/v1/scheduled/result", RETRIEVE_SIMULATION_DATA, scheduled.result),
        Entry("/v1/scheduled/schedule", FULL, scheduled.schedule, changes=True),
        Entry("/v1/scheduled/cancel", FULL, scheduled.cancel, changes=True),
    ]


def make_router(space: Jumonc) -> ASGIApp:
    """Return the form as an ASGI app whose errors are its own."""
    routes = [
        Route(entry.path, _endpoint(space, entry), methods=["GET", "OPTIONS"])
        for entry in entries()
    ]
    handlers = {HTTPException: error_answer, PilothouseError: error_answer}
    return ExceptionMiddleware(Router(routes, redirect_slashes=False), handlers=handlers)


def _endpoint(space: Jumonc, entry: Entry) -> Callable[[Request], Awaitable[Response]]:
    template = _Template(PREFIX + entry.path)

    def answer(request: Request) -> Response:
        visitor = None
        if entry.level is not None:
            visitor = space.access.require(request, entry.level, changes=entry.changes)
        return entry.handler(Call(space, request, first_values(request), visitor))

    async def endpoint(request: Request) -> Response:
        request.scope["route"] = template  # requests are counted by it, never by path
        if request.method == "OPTIONS":
            return Response(headers={"Allow": "GET, HEAD, OPTIONS"}, media_type="text/html")
        return await run_in_threadpool(answer, request)

    return endpoint


@dataclass(frozen=True, slots=True)
class _Template:
    path: str


def _all_links(call: Call) -> Response:
    return json_answer(call.space.links.everything(call.space.measured_for(call.caller)))


def _noun(call: Call, noun: str) -> Response:
    return json_answer(call.space.links.noun(noun))


def _layer(call: Call, layer: Layer) -> Response:
    return json_answer(call.space.links.layer(layer, call.space.measured_for(call.caller)))


def _metric(call: Call, layer: Layer) -> Response:
    metric = metrics.find(f"{layer.path}/{call.request.path_params['name']}")
    question = read_question(call.query)
    keep = layer.stored and question.prefer_id
    return json_answer(metrics.ask(call.space, call.caller, metric, question, keep=keep).body)
