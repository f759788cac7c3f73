"""The composition root of the dispatcher."""

import logging
import shlex
import threading
from collections.abc import Mapping
from pathlib import Path

from pilothouse_common.broker.carrier import open_publisher
from pilothouse_common.broker.port import Publisher
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.clock import Clock, SystemClock
from pilothouse_common.runtime.health import HealthServer
from pilothouse_common.runtime.service import Check
from prometheus_client import CollectorRegistry

from pilothouse_dispatcher.settings import DispatcherSettings
from pilothouse_dispatcher.slurm.client import SlurmClient
from pilothouse_dispatcher.slurm.session import Session
from pilothouse_dispatcher.slurm.token import CommandTokens, FileTokens, SignedTokens, Tokens
from pilothouse_dispatcher.slurm.transport import Transport
from pilothouse_dispatcher.watch import Watcher

log = logging.getLogger(__name__)


class DispatcherService:
    """Runs the watcher; without a scheduler it idles. Run one per cluster.

    Args:
        settings: Where Slurm is and how often it is asked.
        publisher: Gets the events.
        clock: The time.
        owned: Whether close() closes the publisher too.

    Raises:
        ConfigError: A Slurm without a token.
    """

    name = "dispatcher"

    def __init__(
        self,
        settings: DispatcherSettings,
        *,
        publisher: Publisher,
        clock: Clock,
        owned: bool = True,
    ) -> None:
        self._settings = settings
        self._publisher = publisher
        self._owned = owned
        self.registry = CollectorRegistry()
        self._client: SlurmClient | None = None
        self._watcher: Watcher | None = None
        if settings.slurm_url:
            self._client = _client(settings, clock)
            self._watcher = Watcher(
                self._client,
                publisher,
                cluster=settings.cluster,
                interval_seconds=settings.watch_interval_seconds,
                clock=clock,
            )

    def run(self, stop: threading.Event) -> None:
        """Watch until ``stop`` is set."""
        health = self._health_server()
        try:
            if self._watcher is None:
                log.info("idle: PILOTHOUSE_SLURM_URL is not set, so no scheduler is watched")
                stop.wait()
            else:
                self._watcher.run(stop)
        finally:
            if health is not None:
                health.close()

    def checks(self) -> Mapping[str, Check]:
        """Return whether the scheduler is being watched; nothing where there is none to watch."""
        return {} if self._watcher is None else {"slurm": self._watcher.check}

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
        if self._owned:
            self._publisher.close()

    def _health_server(self) -> HealthServer | None:
        if self._settings.health_port < 0:
            return None
        return HealthServer(
            self._settings.health_host,
            self._settings.health_port,
            checks=self.checks(),
            registry=self.registry,
        )


def build(settings: DispatcherSettings) -> DispatcherService:
    """Build the service of a process of its own.

    Raises:
        ConfigError: A setting is wrong or missing.
    """
    publisher = open_publisher(
        settings.broker_url,
        spool_dir=Path(settings.spool_dir) if settings.spool_dir else None,
        name="pilothouse-dispatcher",
    )
    return DispatcherService(settings, publisher=publisher, clock=SystemClock())


def _client(settings: DispatcherSettings, clock: Clock) -> SlurmClient:
    transport = Transport(
        settings.slurm_url, proxy=settings.slurm_proxy, ca_file=settings.slurm_ca_file
    )
    return SlurmClient(
        Session(transport, user=settings.slurm_user, tokens=_tokens(settings, clock))
    )


def _tokens(settings: DispatcherSettings, clock: Clock) -> Tokens:
    given = [
        settings.slurm_token_file, settings.slurm_token_command, settings.slurm_jwt_key_file
    ]  # fmt: skip
    if sum(map(bool, given)) != 1:
        raise ConfigError(
            "PILOTHOUSE_SLURM_URL needs one of PILOTHOUSE_SLURM_TOKEN_FILE (a JWT that somebody renews), "
            "PILOTHOUSE_SLURM_TOKEN_COMMAND (prints one) and PILOTHOUSE_SLURM_JWT_KEY_FILE (Slurm's jwt_key)"
        )
    if settings.slurm_token_file:
        return FileTokens(Path(settings.slurm_token_file), clock)
    if settings.slurm_jwt_key_file:
        return SignedTokens(Path(settings.slurm_jwt_key_file), clock)
    try:
        argv = shlex.split(settings.slurm_token_command)
    except ValueError as exc:
        raise ConfigError(f"PILOTHOUSE_SLURM_TOKEN_COMMAND: {exc}") from exc
    return CommandTokens(argv, clock)
