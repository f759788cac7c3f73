"""Plugins: what other distributions add to the gateway and the agent. The only file that imports pluggy.

A plugin is an object with functions marked ``@hookimpl``, named by an entry point of the group
``pilothouse.plugins``. It is loaded only when the setting PLUGINS names it. Whatever it raises is kept as
its ``problem`` and logged once: no plugin stops the process that loads it.
"""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

log = logging.getLogger(__name__)
GROUP = "pilothouse.plugins"
PROJECT = "pilothouse"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class PluginRoute:
    """One path that a plugin adds to the gateway, below ``/v1/plugins/<name>``.

    Attributes:
        path: From ``/`` on, with parameters as ``{name}``.
        handler: A plain function, called in a thread with its parameters as FastAPI fills them.
        scope: What the caller's token needs, of contract/scopes.py.
        summary: What it answers, in a few words.
        method: GET, POST, PUT, PATCH or DELETE.
    """

    path: str
    handler: Callable[..., Any]
    scope: str
    summary: str
    method: str = "GET"


class Hooks:
    """What a plugin may implement. Every hook is optional."""

    @hookspec
    def pilothouse_check(self) -> None:
        """Raise, with the reason, when the plugin cannot work on this machine. Called first."""

    @hookspec
    def pilothouse_routes(self) -> Iterable[PluginRoute]:  # type: ignore[empty-body]  # a declaration
        """Return paths for the gateway."""

    @hookspec
    def pilothouse_collectors(self) -> Iterable[Any]:  # type: ignore[empty-body]  # a declaration
        """Return collector classes for the agent, in the shape of ``collectors/port.py: Factory``."""


class Plugin:
    """One plugin, working or not.

    Attributes:
        name: Of its entry point.
        version: Of its distribution, where that is known.
        problem: Why it does not work; empty while it does.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = ""
        self.problem = ""
        self._hooks = pluggy.PluginManager(PROJECT)
        self._hooks.add_hookspecs(Hooks)

    def load(self, found: Iterable[EntryPoint]) -> "Plugin":
        """Import it and let it check itself."""
        offers = list(found)
        if not _NAME.fullmatch(self.name):
            self.fail("is no name: use letters, digits, '-' and '_'")
            return self
        if len(offers) != 1:
            offered = "more than one" if offers else "no"
            self.fail(f"{offered} installed distribution has this entry point of {GROUP}")
            return self
        self.version = offers[0].dist.version if offers[0].dist else ""
        try:
            self._hooks.register(offers[0].load(), self.name)
            self._hooks.check_pending()
        except (Exception, SystemExit) as exc:  # noqa: BLE001 it may do anything; told as its problem
            self.fail(f"cannot be loaded: {type(exc).__name__}: {exc}")
            return self
        self.call("pilothouse_check")
        return self

    def call(self, hook: str) -> list[Any]:
        """Return what its implementation of a hook returns; nothing when it does not work."""
        if self.problem:
            return []
        try:
            return [each for answer in getattr(self._hooks.hook, hook)() for each in answer or ()]
        except (Exception, SystemExit) as exc:  # noqa: BLE001 as above
            self.fail(f"{hook}: {type(exc).__name__}: {exc}")
            return []

    def fail(self, problem: str) -> None:
        """Note that it does not work, once."""
        if not self.problem:
            self.problem = " ".join(problem.split())
            extra = {"plugin": self.name, "reason": self.problem}
            log.warning("plugin does not work", extra=extra)


def load_plugins(names: Iterable[str]) -> list[Plugin]:
    """Return the plugins of these names. Never raises: look at each one's ``problem``."""
    return [Plugin(name).load(entry_points(group=GROUP, name=name)) for name in names]
