"""The composition root of the gateway."""

import logging
import socket
import threading
from collections.abc import Mapping
from urllib.parse import quote

from fastapi import FastAPI
from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.carrier import open_broker
from pilothouse_common.broker.port import Broker, Publisher
from pilothouse_common.contract.scopes import SCOPES
from pilothouse_common.errors import StoreUnavailable
from pilothouse_common.runtime.clock import Clock, SystemClock
from pilothouse_common.runtime.health import HealthServer
from pilothouse_common.runtime.service import Check
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import SampleStore

from pilothouse_api.app import create_app
from pilothouse_api.compat.jumonc.options import GATEWAY, JumoncOptions
from pilothouse_api.listening import open_socket
from pilothouse_api.ports import Ports
from pilothouse_api.server import serve
from pilothouse_api.settings import ApiSettings, check_token_key

log = logging.getLogger(__name__)


class ApiService:
    """The gateway as one of the services.

    Args:
        settings: Where to listen and how.
        records: Migrated when it starts.
        samples: Asked, never written.
        broker: Takes what is posted, announces what is new.
        clock: The time.
        jumonc: Where JuMonC's paths are answered, and whether its /stop may end the process.
        owned: Whether close() closes the ports too; not in the standalone process, which shares them.
        listening: A socket that listens already, instead of one where the settings say.
    """

    name = "api"

    def __init__(
        self,
        settings: ApiSettings,
        *,
        records: Records,
        samples: SampleStore,
        broker: Broker,
        clock: Clock,
        jumonc: JumoncOptions = GATEWAY,
        owned: bool = True,
        listening: socket.socket | None = None,
    ) -> None:
        check_token_key(settings.token_key)
        self._settings = settings
        self._owned = owned
        self._publisher: Publisher = broker.publisher()
        self.app: FastAPI = create_app(
            settings,
            records=records,
            samples=samples,
            publisher=self._publisher,
            broker=broker,
            clock=clock,
            jumonc=jumonc,
        )
        self._ports: Ports = self.app.state.ports
        self._socket = listening or open_socket(settings.api_host, settings.api_port)
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where people reach it."""
        host = self._settings.api_host
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 compared, not bound
        return self._settings.public_url.rstrip("/") or f"http://{host}:{self.port}"

    def login_link(self, subject: str, scopes: frozenset[str] = frozenset(SCOPES)) -> str:
        """Return an address that opens a session once, within ten minutes, in this process."""
        return f"{self.url}/login?code={quote(self._ports.logins.create(subject, scopes))}"

    def run(self, stop: threading.Event) -> None:
        """Serve until ``stop``; open requests then have ``stop_seconds``."""
        migration = threading.Thread(
            target=self._migrate, args=(stop,), name="migrate", daemon=True
        )
        migration.start()
        health = self._health_server()
        try:
            serve(
                self.app,
                self._socket,
                stop,
                stop_seconds=self._settings.stop_seconds,
                end_streams=self._ports.live.close,
            )
        finally:
            if health is not None:
                health.close()
            stop.set()
            migration.join(self._settings.stop_seconds)

    def _migrate(self, stop: threading.Event) -> None:
        """Bring the record store up to date as soon as it is there; requests get 503 until then."""
        if not self._owned:
            return
        backoff = Backoff()
        while not stop.is_set():
            try:
                self._ports.records.migrate()
            except StoreUnavailable as exc:
                log.warning("record store is away", extra={"reason": str(exc)})
                stop.wait(backoff.next_seconds())
            except Exception:  # not ours to end: the process lives, answers 503 and says why
                log.exception("record store cannot be migrated")
                return
            else:
                return

    def _health_server(self) -> HealthServer | None:
        if self._settings.health_port < 0:
            return None
        return HealthServer(
            self._settings.health_host,
            self._settings.health_port,
            checks=self.checks(),
            registry=self._ports.telemetry.registry,
        )

    def checks(self) -> Mapping[str, Check]:
        """Return readiness checks by name."""
        ports = self._ports
        return {
            "broker": ports.broker.check,
            "records": ports.records.check,
            "samples": ports.samples.check,
        }

    def close(self) -> None:
        """Release the address, and the ports if they are ours."""
        self._socket.close()
        self._publisher.close()
        if self._owned:
            self._ports.broker.close()
            self._ports.samples.close()
            self._ports.records.close()


def build(settings: ApiSettings) -> ApiService:
    """Build the gateway of its own process.

    Raises:
        ConfigError: A URL, the key or the address is wrong.
    """
    check_token_key(settings.token_key)
    return ApiService(
        settings,
        records=Records(settings.records_url),
        samples=open_sample_store(settings.samples_url),
        broker=open_broker(settings.broker_url),
        clock=SystemClock(),
    )
