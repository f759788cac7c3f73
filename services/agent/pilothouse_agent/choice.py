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
        (*COLLECTORS, *site), INTERVALS, settings.collector_intervals, settings.interval_seconds
    )
    for factory in site:
        if factory.name.startswith(
            ("exec:", "file:")
        ):  # these are asked always, and wait themselves
            every.pop(factory.name, None)
    return [*choose(COLLECTORS, settings.collectors), *site], every


def _of_site(settings: AgentSettings) -> Sequence[Factory]:
    """Import what a site's own needs only where there is something."""
    if not (settings.exec_collectors or settings.file_collectors or settings.collector_plugins):
        return ()
    from pilothouse_agent.site.table import site_factories

    site = list(site_factories(settings))
    ours = {factory.name for factory in COLLECTORS}
    for factory in site:
        if factory.name in ours:
            raise ConfigError(
                f"PILOTHOUSE_COLLECTOR_PLUGINS: {factory.name!r} is one of the agent's own collectors"
            )
    return site
