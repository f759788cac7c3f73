"""Collectors that other distributions bring: entry points of the group ``pilothouse.collectors``."""

from pilothouse_agent.collectors.port import Collector, Options
from pilothouse_agent.host import CollectorUnavailable, Host

GROUP = "pilothouse.collectors"


class PluginFactory:
    """Loads one entry point when its collector is made; whatever goes wrong makes it unavailable.

    Args:
        name: Of the entry point, and of the collector.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, host: Host, options: Options) -> Collector:
        """Make the collector.

        Raises:
            CollectorUnavailable: Nobody offers it, or it cannot be loaded, or it is another's name.
        """
        from importlib.metadata import entry_points  # 2 MB of memory, which others need not have

        found = [*entry_points(group=GROUP, name=self.name)]
        if len(found) != 1:
            offered = "no" if not found else "more than one"
            raise CollectorUnavailable(
                f"{offered} installed distribution has the entry point {self.name!r} of {GROUP}"
            )
        try:
            made: Collector = found[0].load()(host, options)
        except CollectorUnavailable:
            raise
        except (Exception, SystemExit) as exc:
            raise CollectorUnavailable(
                f"entry point {found[0].value}: {type(exc).__name__}: {exc}"
            ) from exc
        if getattr(made, "name", None) != self.name:
            raise CollectorUnavailable(
                f"entry point {found[0].value}: the collector's name must be {self.name!r}"
            )
        return made
