"""Which collectors an agent has: those of the table that it chose, and what its site adds."""

from collections.abc import Sequence

from pilothouse_common.errors import ConfigError

from pilothouse_agent.collectors.port import Factory
from pilothouse_agent.collectors.table import COLLECTORS, INTERVALS
from pilothouse_agent.settings import AgentSettings
from pilothouse_agent.sweep import choose, how_often


def chosen_collectors(settings: AgentSettings) -> tuple[list[Factory], dict[str, int]]:
    """Return the factories, and in every how manieth sweep those with an own interval are asked.

    Raises:
        ConfigError: A collector or an interval that there is not, or a setting of the site's own.
    """
    site = _of_site(settings)
    every = how_often(
        [*COLLECTORS, *site], INTERVALS, settings.collector_intervals, settings.interval_seconds
    )
    for factory in site:
        if factory.name.startswith(
            ("exec:", "file:")
        ):  # these are asked always, and wait themselves
            every.pop(factory.name, None)
    return [*choose(COLLECTORS, settings.collectors), *site], every


def known_collectors(settings: AgentSettings) -> list[Factory]:
    """Return all that an agent with these settings could have.

    Raises:
        ConfigError: A setting of the site's own.
    """
    return [*COLLECTORS, *_of_site(settings)]


def _of_site(settings: AgentSettings) -> Sequence[Factory]:
    """Import what a site's own needs only where there is something."""
    own = (
        settings.exec_collectors,
        settings.file_collectors,
        settings.collector_plugins,
        settings.plugins,
    )
    if not any(own):
        return ()
    from pilothouse_agent.site.table import site_factories

    site = list(site_factories(settings))
    taken = {factory.name for factory in COLLECTORS}
    for factory in site:
        if factory.name in taken:
            raise ConfigError(
                f"PILOTHOUSE_COLLECTOR_PLUGINS, PILOTHOUSE_PLUGINS: there is a collector "
                f"{factory.name!r} already"
            )
        taken.add(factory.name)
    return site
