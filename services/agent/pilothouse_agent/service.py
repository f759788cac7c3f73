"""Composition of the agent: the only place where its parts are chosen."""

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse_common.broker.carrier import open_publisher
from pilothouse_common.broker.port import Broker, Publisher
from pilothouse_common.broker.spool import Spool
from pilothouse_common.broker.spooling import SpoolingPublisher
from pilothouse_common.contract.samples import SampleEncoder
from pilothouse_common.errors import ConfigError, Malformed
from pilothouse_common.runtime.service import Check

from pilothouse_agent.choice import chosen_collectors
from pilothouse_agent.collectors.port import Collector, Factory, Options
from pilothouse_agent.collectors.table import LATE
from pilothouse_agent.host import Host
from pilothouse_agent.late import LateCollectors
from pilothouse_agent.outbox import Outbox
from pilothouse_agent.report import Reporter
from pilothouse_agent.runner import Runner
from pilothouse_agent.schedule import Schedule
from pilothouse_agent.settings import AgentSettings
from pilothouse_agent.spool_drain import SpoolDrain
from pilothouse_agent.sweep import Sweep, make_collectors, probe
from pilothouse_agent.version import VERSION

if TYPE_CHECKING:
    from pilothouse_common.runtime.health import HealthServer

    from pilothouse_agent.simulation.part import Simulations

log = logging.getLogger(__name__)


class AgentService:
    """One running agent; owns all of its parts."""

    name = "agent"

    def __init__(
        self,
        *,
        runner: Runner,
        sweep: Sweep,
        outbox: Outbox,
        publisher: Publisher,
        hooks: SpoolDrain | None,
        simulations: "Simulations | None",
        settings: AgentSettings,
    ) -> None:
        self._runner = runner
        self._sweep = sweep
        self._outbox = outbox
        self._publisher = publisher
        self._hooks = hooks
        self._simulations = simulations
        self._health = _open_health(settings, outbox) if settings.health_port >= 0 else None

    def run(self, stop: threading.Event) -> None:
        """Collect until ``stop`` is set."""
        self._runner.run(stop)

    def checks(self) -> Mapping[str, Check]:
        """Ready when the last message went out."""
        return {"publisher": self._outbox.check}

    def close(self) -> None:
        """Publish what waits, then release everything."""
        for part in (self._health, self._hooks, self._simulations):
            if part is not None:
                part.close()
        self._outbox.close()
        self._publisher.close()
        self._sweep.close()


def build(
    settings: AgentSettings,
    *,
    publisher: Publisher | None = None,
    broker: Broker | None = None,
    host: Host | None = None,
) -> AgentService:
    """Make the agent.

    Args:
        settings: See there.
        publisher: Instead of the carrier that the settings name.
        broker: Where commands for simulations come from, instead of the carrier; not closed here.
        host: Instead of this machine.

    Raises:
        ConfigError: A setting is wrong; nothing has been started.
    """
    hostname = settings.node_name()
    try:
        encoder = SampleEncoder(settings.cluster, hostname)
    except Malformed as exc:
        raise ConfigError(f"PILOTHOUSE_HOSTNAME: {exc}") from exc
    factories, every = chosen_collectors(settings)
    options = settings.options()
    host = host or settings.host()
    publisher = publisher or _open_publisher(settings)
    outbox = _make_outbox(publisher)
    simulations = _open_simulations(settings, host, broker, outbox)
    collectors = make_collectors(factories, host, options)
    if simulations is not None:
        collectors.append(simulations.collector)
    sweep = Sweep(
        collectors,
        deadline_seconds=settings.deadline_seconds,
        every=every,
        late=_late_collectors(factories, collectors, host, options),
    )
    runner = Runner(
        schedule=Schedule(host.clock, settings.interval_seconds),
        sweep=sweep,
        encoder=encoder,
        reporter=Reporter(
            host,
            cluster=settings.cluster,
            hostname=hostname,
            interval_seconds=settings.interval_seconds,
            collectors=lambda: sweep.names,
            version=VERSION,
        ),
        outbox=outbox,
    )
    return AgentService(
        runner=runner,
        sweep=sweep,
        outbox=outbox,
        publisher=publisher,
        hooks=_drain_hooks(settings, publisher),
        simulations=simulations,
        settings=settings,
    )


def _late_collectors(
    factories: Iterable[Factory], made: Iterable[Collector], host: Host, options: Options
) -> LateCollectors:
    names = {collector.name for collector in made}
    absent = [each for each in factories if each.name in LATE and each.name not in names]
    return LateCollectors(absent, lambda factory: probe(factory, host, options))


def _open_publisher(settings: AgentSettings) -> Publisher:
    return open_publisher(
        settings.broker_url,
        spool_dir=Path(settings.spool_dir) if settings.spool_dir else None,
        spool_max_bytes=settings.spool_bytes,
        name="pilothouse-agent",
    )


def _make_outbox(publisher: Publisher) -> Outbox:
    """Return an outbox that also tells how the spool behind its carrier fares."""
    if isinstance(publisher, SpoolingPublisher):
        return Outbox(publisher, lost=lambda: publisher.dropped, spooling=lambda: publisher.behind)
    if isinstance(publisher, Spool):
        return Outbox(publisher, lost=lambda: publisher.dropped, spooling=lambda: True)
    return Outbox(publisher)


def _open_simulations(
    settings: AgentSettings, host: Host, broker: Broker | None, outbox: Outbox
) -> "Simulations | None":
    """Listen only when asked: the rest of it is not even loaded otherwise."""
    if not settings.simulation_socket:
        return None
    from pilothouse_agent.simulation.part import Simulations
    from pilothouse_agent.simulation.place import AUTO

    try:
        return Simulations(settings, host, broker=broker, announce=outbox.put)
    except ConfigError as exc:
        if settings.simulation_socket != AUTO:
            raise
        log.warning("simulations cannot connect", extra={"reason": str(exc)})
        return None


def _open_health(settings: AgentSettings, outbox: Outbox) -> "HealthServer":
    """Listen only when asked: a node's agent needs no port, and its own metrics are samples."""
    try:
        from pilothouse_agent.health import open_health
    except ImportError as exc:
        raise ConfigError(
            "PILOTHOUSE_HEALTH_PORT: prometheus-client is not installed here; "
            "install pilothouse-agent[health], or leave the port at -1"
        ) from exc
    return open_health(settings, outbox)


def _drain_hooks(settings: AgentSettings, publisher: Publisher) -> SpoolDrain | None:
    """Return a drain, unless the directory is one that the publisher itself drains or fills."""
    if not settings.hook_spool_dir or settings.hook_spool_dir == settings.spool_dir:
        return None
    directory = Path(settings.hook_spool_dir)
    if isinstance(publisher, Spool) and publisher.directory == directory:
        return None
    return SpoolDrain(directory, publisher)
