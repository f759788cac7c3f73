"""Ingest as a process or in this one, on embedded parts or on real servers."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import REASON_HEADER, Broker
from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import DEAD_LETTERS
from pilothouse_common.runtime.clock import SystemClock
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import SampleStore, Selection
from pilothouse_ingest.service import IngestService
from pilothouse_ingest.settings import IngestSettings

from tests.support.influxdb import new_bucket, with_bucket
from tests.support.process import Program, eventually


@dataclass
class Parts:
    """A broker, both stores, and a way to run ingest between them."""

    broker: Broker
    samples: SampleStore
    records: Records

    @contextmanager
    def ingest(self, **settings: object) -> Iterator[IngestService]:
        """Run one ingest in a thread of this process."""
        given = IngestSettings(
            broker_url="memory:",
            records_url="sqlite:///:memory:",
            samples_url="duckdb:///unused",
            **settings,  # type: ignore[arg-type]  # checked by msgspec where it matters
        )
        service = IngestService(
            given,
            broker=self.broker,
            samples=self.samples,
            records=self.records,
            clock=SystemClock(),
            owned=False,
        )
        stop = threading.Event()
        thread = threading.Thread(target=service.run, args=(stop,), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()

    def dead_letters(self, count: int, *, within: float = 20) -> list[tuple[Message, str]]:
        """Wait for so many dead letters; return all there are with their reasons."""
        consumer = self.broker.consumer(DEAD_LETTERS, prefetch=10_000)
        found: list[tuple[Message, str]] = []

        def probe() -> bool:
            while (delivery := consumer.receive(0.2)) is not None:
                found.append((delivery.message, delivery.headers[REASON_HEADER]))
            return len(found) >= count

        eventually(probe, within=within)
        consumer.close()
        return found


@pytest.fixture(params=["embedded", "servers"])
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Parts]:
    """The parts of the standalone process, then those of a real installation."""
    if request.param == "embedded":
        parts = Parts(
            MemoryBroker(),
            open_sample_store(f"duckdb://{tmp_path}/samples.duckdb"),
            Records(f"sqlite:///{tmp_path}/records.sqlite"),
        )
    else:
        bucket = with_bucket(request.getfixturevalue("influx_base_url"), new_bucket())
        parts = Parts(
            RabbitBroker(request.getfixturevalue("rabbitmq_url")),
            open_sample_store(bucket),
            Records(request.getfixturevalue("postgres_url")),
        )
    parts.broker.check()
    yield parts
    parts.broker.close()
    parts.samples.close()
    parts.records.close()


def ingest_program(
    *, broker_url: str, samples_url: str, records_url: str, log: Path, more: Mapping[str, str] = {}
) -> Program:
    """Return the real process, not yet started."""
    env = {
        "PILOTHOUSE_BROKER_URL": broker_url,
        "PILOTHOUSE_SAMPLES_URL": samples_url,
        "PILOTHOUSE_RECORDS_URL": records_url,
        **more,
    }
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PILOTHOUSE_")}
    return Program([sys.executable, "-m", "pilothouse_ingest"], log=log, env={**clean, **env})


def stored_points(
    store: SampleStore, metric: str = "cpu_load", *, start: int, end: int
) -> Callable[[], int]:
    """Return a probe that counts the raw samples of a metric."""
    window = (datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))

    def count() -> int:
        rows = store.statistics(Selection("alex", metric, *window), over_nodes=True)
        return rows[0].count if rows else 0

    return count
