"""Plugins of the gateway: the documented example is installed and asked; broken ones stop nothing."""

import importlib
import logging
import re
import threading
from pathlib import Path

import pytest

from tests.support.api import Gateway, serving
from tests.support.distribution import install_distribution
from tests.support.process import eventually

ROOT = Path(__file__).parents[3]
EXAMPLE = re.findall(r"```python\n(.*?)```", (ROOT / "docs/plugins.md").read_text(), re.DOTALL)
OTHERS = """
import threading
from pilothouse_common.errors import NotFound
from pilothouse_common.runtime.plugins import PluginRoute, hookimpl

GATE = threading.Event()
WAITING = []

class Handlers:
    @hookimpl
    def pilothouse_routes(self):
        return [
            PluginRoute("/fails", self.fails, scope="nodes:read", summary="-"),
            PluginRoute("/nothing", self.nothing, scope="nodes:read", summary="-"),
            PluginRoute("/hangs", self.hangs, scope="nodes:read", summary="-", method="POST"),
        ]

    def fails(self):
        raise ZeroDivisionError("inside")

    def nothing(self):
        raise NotFound("no such licence")

    def hangs(self):
        WAITING.append(1)
        GATE.wait(60)
        return {}

class Unable:
    @hookimpl
    def pilothouse_check(self):
        raise OSError("no licence server")

class Raising:
    @hookimpl
    def pilothouse_routes(self):
        raise SystemExit(3)

class Unknown:
    @hookimpl
    def pilothouse_paths(self):
        return []

class Scope:
    path, scope, method = "/x", "nodes:eat", "GET"

    @hookimpl
    def pilothouse_routes(self):
        return [PluginRoute(self.path, self.handler, scope=self.scope, summary="-", method=self.method)]

    def handler(self):
        return {}

class Where(Scope):
    path, scope = "x", "nodes:read"

class Method(Scope):
    scope, method = "nodes:read", "BREW"

class Coroutine(Scope):
    scope = "nodes:read"

    async def handler(self):
        return {}

class Parameter(Scope):
    scope = "nodes:read"

    def handler(self, lock: threading.Event):
        return {}

handlers, unable, raising, unknown = Handlers(), Unable(), Raising(), Unknown()
scope, where, method, coroutine, parameter = Scope(), Where(), Method(), Coroutine(), Parameter()
"""
BROKEN = {
    "unable": "pilothouse_check: OSError: no licence server",
    "raising": "pilothouse_routes: SystemExit: 3",
    "unknown": "cannot be loaded: PluginValidationError: unknown hook 'pilothouse_paths'",
    "scope": "there is no scope 'nodes:eat'; known: links:read",
    "where": "the path must begin with /",
    "method": "there is no method 'BREW'",
    "coroutine": "the handler is a coroutine",
    "parameter": "pilothouse_routes: '/x': Invalid args",
    "unloadable": "cannot be loaded: ModuleNotFoundError",
    "nowhere": "no installed distribution has this entry point of pilothouse.plugins",
    "a/b": "is no name",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    into = tmp_path_factory.mktemp("plugins") / "installed"
    [source] = EXAMPLE
    group = "pilothouse.plugins"
    install_distribution(into, "site-licences", group, {"licences": "site_licences"}, source)
    names = ("handlers", *set(BROKEN) - {"unloadable", "nowhere", "a/b"})
    entries = {name: f"site_others:{name}" for name in names} | {"unloadable": "site_nothing"}
    return install_distribution(into, "site-others", group, entries, OTHERS)


@pytest.fixture
def ask(installed, monkeypatch, sqlite_records, sample_store):
    """Serve a gateway with plugins, and give what asks it with a token of these scopes."""
    monkeypatch.syspath_prepend(str(installed))
    opened = []

    def serve(*plugins: str):
        gateway = Gateway(sqlite_records, sample_store, plugins=plugins)
        client = serving(gateway)
        opened.append((client, gateway))
        http = client.__enter__()

        def call(method: str, path: str, *scopes: str):
            token = gateway.token(scopes=list(scopes)) if scopes else ""
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return http.request(method, path, headers=headers)

        return call

    yield serve
    for client, gateway in opened:
        client.__exit__(None, None, None)
        gateway.broker.close()


def test_the_documented_example_answers_behind_its_scope(ask):
    call = ask("licences")
    path = "/v1/plugins/licences/free/matlab"

    right = call("GET", path, "nodes:read")

    assert (right.status_code, right.json()) == (200, {"matlab": 7})
    assert call("GET", path, "jobs:read").status_code == 403
    assert call("GET", path).status_code == 401


def test_plugins_and_their_paths_are_listed(ask):
    [item] = ask("licences")("GET", "/v1/plugins", "links:read").json()["items"]

    path = {
        "method": "GET",
        "path": "/v1/plugins/licences/free/{product}",
        "scope": "nodes:read",
        "summary": "Free licences",
    }
    assert item == {"name": "licences", "version": "1.0", "problem": "", "paths": [path]}


def test_broken_plugins_are_told_and_the_others_serve(ask, caplog):
    caplog.set_level(logging.WARNING)

    call = ask(*BROKEN, "licences")
    items = {i["name"]: i for i in call("GET", "/v1/plugins", "links:read").json()["items"]}

    for name, problem in BROKEN.items():
        assert problem in items[name]["problem"]
        assert items[name]["paths"] == []
    assert call("GET", "/v1/plugins/licences/free/x", "nodes:read").status_code == 200
    warned = [r.plugin for r in caplog.records if r.message == "plugin does not work"]
    assert sorted(warned) == sorted(BROKEN)


def test_errors_of_handlers_are_problems_of_that_request(ask):
    call = ask("handlers")

    fails = call("GET", "/v1/plugins/handlers/fails", "nodes:read")
    nothing = call("GET", "/v1/plugins/handlers/nothing", "nodes:read")

    assert fails.status_code == 500
    assert "inside" not in fails.text
    assert (nothing.status_code, nothing.json()["detail"]) == (404, "no such licence")


def test_hanging_handlers_leave_the_gateway_its_threads(ask):
    call = ask("handlers")
    site_others = importlib.import_module("site_others")

    answers: list[int] = []

    def hang() -> None:
        answers.append(call("POST", "/v1/plugins/handlers/hangs", "nodes:read").status_code)

    threads = [threading.Thread(target=hang) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: len(site_others.WAITING) == 4, within=30)

        fifth = call("POST", "/v1/plugins/handlers/hangs", "nodes:read")
        other = call("GET", "/v1/metrics", "nodes:read")
    finally:
        site_others.GATE.set()
        for thread in threads:
            thread.join(30)

    assert (fifth.status_code, "busy" in fifth.json()["detail"]) == (503, True)
    assert other.status_code == 200
    assert answers == [200] * 4


def test_without_plugins_the_list_is_empty_and_other_paths_do_not_exist(ask):
    call = ask()

    assert call("GET", "/v1/plugins", "links:read").json()["items"] == []
    assert call("GET", "/v1/plugins/licences/free/x", "nodes:read").status_code == 404
