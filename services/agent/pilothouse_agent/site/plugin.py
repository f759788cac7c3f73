"""Collectors that other distributions bring, by the entry point of one or by a plugin's hook."""

from collections.abc import Callable
from typing import cast

from pilothouse_agent.collectors.port import Collector, Factory, Options
from pilothouse_agent.host import CollectorUnavailable, Host

GROUP = "pilothouse.collectors"


class PluginFactory:
    """Makes a collector of foreign code; whatever goes wrong makes it unavailable.

    Args:
        name: That the collector must have.
        origin: Whose it is, for people.
        find: Returns the foreign factory.
    """

    def __init__(self, name: str, origin: str, find: Callable[[], Factory]) -> None:
        self.name = name
        self._origin = origin
        self._find = find

    def __call__(self, host: Host, options: Options) -> Collector:
        """Make the collector.

        Raises:
            CollectorUnavailable: It cannot be loaded or made, or has another's name.
        """
        try:
            made = self._find()(host, options)
        except CollectorUnavailable:
            raise
        except (Exception, SystemExit) as exc:
            raise CollectorUnavailable(f"{self._origin}: {type(exc).__name__}: {exc}") from exc
        if getattr(made, "name", None) != self.name:
            raise CollectorUnavailable(
                f"{self._origin}: the collector's name must be {self.name!r}"
            )
        return made


def entry_point(name: str) -> PluginFactory:
    """Return what makes the collector of an entry point, which is loaded only then."""

    def find() -> Factory:
        from importlib.metadata import entry_points  # 2 MB of memory, which others need not have

        found = list(entry_points(group=GROUP, name=name))
        if len(found) != 1:
            offered = "more than one" if found else "no"
            raise CollectorUnavailable(
                f"{offered} installed distribution has the entry point {name!r} of {GROUP}"
            )
        return cast(Factory, found[0].load())

    return PluginFactory(name, f"entry point {name} of {GROUP}", find)


def hooked(plugin: str, made: object) -> PluginFactory:
    """Return what makes a collector that a plugin's hook returned."""
    name = getattr(made, "name", None)
    return PluginFactory(
        name if isinstance(name, str) else f"{plugin}:{made!r}"[:80],
        f"plugin {plugin}",
        lambda: cast(Factory, made),
    )
