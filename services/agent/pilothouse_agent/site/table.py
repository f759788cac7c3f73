"""The collectors that the settings of a site name, in the shape of all collectors."""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pilothouse_common.errors import ConfigError

from pilothouse_agent.collectors.port import Collector, Factory, Options
from pilothouse_agent.host import Host
from pilothouse_agent.settings import AgentSettings
from pilothouse_agent.site.collector import of_command, of_files
from pilothouse_agent.site.plugin import entry_point, hooked

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(slots=True)
class SiteFactory:
    """Makes one collector."""

    name: str
    make: Callable[[Host], Collector]

    def __call__(self, host: Host, options: Options) -> Collector:  # noqa: ARG002 the shape of all
        """Make the collector."""
        return self.make(host)


def site_factories(settings: AgentSettings) -> Iterator[Factory]:
    """Return a factory for each command, file and entry point.

    Raises:
        ConfigError: A name, a command line or a path is none.
    """
    for name, line in settings.exec_collectors.items():
        yield _of_command(settings, _checked("EXEC_COLLECTORS", name), line)
    for name, path in settings.file_collectors.items():
        yield _of_files(settings, _checked("FILE_COLLECTORS", name), path)
    for name in settings.collector_plugins:
        yield entry_point(_checked("COLLECTOR_PLUGINS", name))
    if settings.plugins:
        yield from _of_plugins(settings.plugins)


def _of_command(settings: AgentSettings, name: str, line: str) -> Factory:
    where = f"PILOTHOUSE_EXEC_COLLECTORS: {name}"
    try:
        argv = shlex.split(line)
    except ValueError as exc:
        raise ConfigError(f"{where}: {exc}: {line!r}") from exc
    if not argv or not argv[0].startswith("/"):
        raise ConfigError(f"{where}: must begin with the absolute path of a program: {line!r}")

    def make(host: Host) -> Collector:
        return of_command(
            f"exec:{name}",
            argv,
            host=host,
            every=_every(settings, f"exec:{name}"),
            deadline_seconds=settings.exec_deadline_seconds,
        )

    return SiteFactory(f"exec:{name}", make)


def _of_files(settings: AgentSettings, name: str, path: str) -> Factory:
    if not path.startswith("/"):
        raise ConfigError(f"PILOTHOUSE_FILE_COLLECTORS: {name}: not an absolute path: {path!r}")

    def make(host: Host) -> Collector:
        return of_files(
            f"file:{name}",
            path,
            host=host,
            every=_every(settings, f"file:{name}"),
            max_age_seconds=settings.file_max_age_seconds,
            deadline_seconds=settings.deadline_seconds,
        )

    return SiteFactory(f"file:{name}", make)


def _of_plugins(names: Sequence[str]) -> Iterator[Factory]:
    try:
        from pilothouse_common.runtime.plugins import load_plugins
    except ImportError as exc:
        raise ConfigError(
            "PILOTHOUSE_PLUGINS: pluggy is not installed here; install pilothouse-agent[plugins]"
        ) from exc
    for plugin in load_plugins(names):
        for made in plugin.call("pilothouse_collectors"):
            yield hooked(plugin.name, made)


def _every(settings: AgentSettings, name: str) -> int:
    """Return in which sweeps it is due. It is asked in all: a slow answer is told when it is there."""
    seconds = settings.collector_intervals.get(name, settings.interval_seconds)
    return max(1, round(seconds / settings.interval_seconds))


def _checked(setting: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"PILOTHOUSE_{setting}: {name!r} is no name: use letters, digits, '.', '-' and '_'"
        )
    return name
