"""The composition root of ingest."""

import logging
import threading
from collections.abc import Callable, Mapping

from pilothouse_common.broker.carrier import open_broker
from pilothouse_common.broker.port import Broker
from pilothouse_common.runtime.clock import Clock, SystemClock
from pilothouse_common.runtime.health import HealthServer
from pilothouse_common.runtime.service import Check
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import SampleStore
from prometheus_client import CollectorRegistry

from pilothouse_ingest.events import EventsHandler
from pilothouse_ingest.metrics import IngestMetrics
from pilothouse_ingest.nodes import NodeRegister
from pilothouse_ingest.samples import SamplesHandler
from pilothouse_ingest.settings import IngestSettings
from pilothouse_ingest.worker import Limits, Worker

log = logging.getLogger(__name__)
_STOP_SECONDS = 35.0
"""A write that has begun may take this long to end: the store adapters' own limit and a little."""


class IngestService:
    """Ingest as one of the services.

    Args:
        settings: Bounds of batches, number of workers.
        broker: Where messages come from.
        samples: Where samples go.
        records: Where events go; migrated when it starts.
        clock: The time.
        owned: Whether close() closes the ports too; not in the standalone process, which shares them.
    """

    name = "ingest"

    def __init__(
        self,
        settings: IngestSettings,
        *,
        broker: Broker,
        samples: SampleStore,
        records: Records,
        clock: Clock,
        owned: bool = True,
    ) -> None:
        self._settings = settings
        self._broker = broker
        self._samples = samples
        self._records = records
        self._clock = clock
        self._owned = owned
        self.registry = CollectorRegistry()
        self._metrics = IngestMetrics(self.registry)

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; a worker that fails stops the others and the service."""
        failures: list[Exception] = []

        def guarded(work: Callable[[threading.Event], None]) -> None:
            try:
                work(stop)
            except Exception as exc:  # noqa: BLE001 raised again below, in the service's thread
                failures.append(exc)
                stop.set()

        threads = [
            threading.Thread(target=guarded, args=(work,), name=name, daemon=True)
            for name, work in self._workers()
        ]
        health = self._health_server()
        for thread in threads:
            thread.start()
        stop.wait()
        for thread in threads:
            thread.join(_STOP_SECONDS)
        if health is not None:
            health.close()
        if failures:
            raise failures[0]

    def checks(self) -> Mapping[str, Check]:
        """Return readiness checks by name."""
        return {
            "broker": self._broker.check,
            "samples": self._samples.check,
            "records": self._records.check,
        }

    def close(self) -> None:
        """Release the ports, if they are ours."""
        if self._owned:
            self._broker.close()
            self._samples.close()
            self._records.close()

    def _workers(self) -> list[tuple[str, Callable[[threading.Event], None]]]:
        settings = self._settings
        samples = [
            (
                f"samples-{number}",
                Worker(
                    SamplesHandler(
                        self._samples,
                        clock=self._clock,
                        nodes=NodeRegister(self._records, self._clock),
                        max_future_seconds=settings.ingest_max_future_seconds,
                    ),
                    broker=self._broker,
                    limits=self._limits(settings.ingest_batch_messages),
                    metrics=self._metrics,
                    clock=self._clock,
                ).run,
            )
            for number in range(settings.ingest_workers)
        ]
        events = Worker(
            EventsHandler(self._records, clock=self._clock),
            broker=self._broker,
            limits=self._limits(settings.ingest_event_messages),
            metrics=self._metrics,
            clock=self._clock,
        )
        return [*samples, ("events", events.run)]

    def _limits(self, messages: int) -> Limits:
        settings = self._settings
        return Limits(
            messages=messages,
            bytes=settings.ingest_batch_bytes,
            age_seconds=settings.ingest_batch_age_seconds,
            hold_seconds=settings.ingest_hold_seconds,
        )

    def _health_server(self) -> HealthServer | None:
        settings = self._settings
        if settings.health_port < 0:
            return None
        return HealthServer(
            settings.health_host,
            settings.health_port,
            checks=self.checks(),
            registry=self.registry,
        )


def build(settings: IngestSettings) -> IngestService:
    """Build ingest of its own process.

    Raises:
        ConfigError: A URL is wrong.
    """
    return IngestService(
        settings,
        broker=open_broker(settings.broker_url, name="pilothouse-ingest"),
        samples=open_sample_store(settings.samples_url),
        records=Records(settings.records_url),
        clock=SystemClock(),
    )
