"""Composition of the agent's simulation part: socket, series, and commands where they can come."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Protocol

from pilothouse_common.broker.port import Broker
from pilothouse_common.contract.events import EventData, event_message, new_event
from pilothouse_common.contract.message import Message

from pilothouse_agent.host import Host
from pilothouse_agent.jobs.current import Jobs
from pilothouse_agent.settings import AgentSettings
from pilothouse_agent.simulation.collector import SimulationCollector
from pilothouse_agent.simulation.ledger import Ledger
from pilothouse_agent.simulation.peer import JobOfPid, Peers
from pilothouse_agent.simulation.place import AUTO, listen, socket_path
from pilothouse_agent.simulation.relay import Relay
from pilothouse_agent.simulation.server import SimulationServer

log = logging.getLogger(__name__)


class Announce(Protocol):
    """Takes messages without blocking (Outbox.put)."""

    def __call__(self, message: Message, /) -> None:
        """Take one."""


class Simulations:
    """What belongs together while the agent runs.

    Attributes:
        collector: For the agent's sweep.
        path: Of the socket.

    Args:
        settings: Of the agent.
        host: This node.
        broker: Brings commands; None: the carrier of the settings is asked for one.
        announce: Takes events; must not block.
        job_of: Returns the job of a process; None: its cgroup says.
        environ: The environment.

    Raises:
        ConfigError: The socket cannot be where it shall.
    """

    def __init__(
        self,
        settings: AgentSettings,
        host: Host,
        *,
        broker: Broker | None,
        announce: Announce,
        job_of: JobOfPid | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        hostname = settings.node_name()
        peers = Peers(
            host,
            cluster=settings.cluster,
            hostname=hostname,
            job_of=job_of or _job_of(host),
        )
        self.path = socket_path(settings.simulation_socket, environ, os.geteuid())
        listener = listen(self.path, private=settings.simulation_socket == AUTO)
        self._own = _open(settings.broker_url) if broker is None else None
        broker = broker or self._own
        self._relay = Relay(broker, peers.word) if broker is not None else None
        source = f"agent/{hostname}"
        self._server = SimulationServer(
            listener,
            peers,
            cluster=settings.cluster,
            hostname=hostname,
            value_seconds=min(settings.interval_seconds, 10.0),
            announce=_announcer(announce, source),
            ledger=Ledger(self.path.with_name(self.path.name + ".runs")),
            first=self._serve,
        )
        self.collector = SimulationCollector(self._server)
        if self._relay is None:
            log.warning("simulations are seen, but not steered: this carrier brings no commands")

    def _serve(self) -> None:
        if self._relay is not None:
            self._relay.serve(self._server)

    def close(self) -> None:
        """Let go of the simulations; they go on, and connect to the next agent."""
        if self._relay is not None:
            self._relay.close()
        self._server.close()
        if self._own is not None:
            self._own.close()
        self.path.unlink(missing_ok=True)


def _job_of(host: Host) -> JobOfPid:
    """Return a look-up of its own, since jobs are asked by one thread at a time."""
    jobs = Jobs(host, state_dir=host.state_dir, node_name=host.node_name)

    def job_of(pid: int) -> int | None:
        job = jobs.job_of_pid(pid)
        return int(job.job_id) if job is not None else None

    return job_of


def _open(url: str) -> Broker | None:
    """Return the broker that a carrier's URL names, where it is one that brings messages too."""
    if url.partition(":")[0] not in ("amqp", "amqps"):
        return None
    from pilothouse_common.broker.carrier import open_broker

    return open_broker(url, name="pilothouse-agent commands")


def _announcer(announce: Announce, source: str) -> Callable[[EventData], None]:
    return lambda data: announce(event_message(new_event(data, source=source)))
