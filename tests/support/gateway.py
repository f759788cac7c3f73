"""The gateway served on a real port by its own service, in a thread of the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pilothouse_api.service import ApiService
from pilothouse_api.settings import ApiSettings
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.contract.events import EventData, event_message, new_event
from pilothouse_common.contract.scopes import SCOPES, Restriction
from pilothouse_common.runtime.clock import SystemClock
from pilothouse_common.store.records import Records, record_events
from pilothouse_common.store.samples.port import SampleStore

from tests.support.api import KEY


class Live:
    """A served gateway whose broker and ingest are the test."""

    def __init__(self, records: Records, samples: SampleStore, **settings: Any) -> None:
        self.records = records
        self.broker = MemoryBroker()
        self.service = ApiService(
            ApiSettings(
                broker_url="memory:",
                records_url="sqlite:///unused",
                samples_url="duckdb:///unused",
                token_key=KEY,
                api_port=0,
                **settings,
            ),
            records=records,
            samples=samples,
            broker=self.broker,
            clock=SystemClock(),
            owned=False,
        )
        self.ports = self.service.app.state.ports
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.service.run, args=(self.stop,))

    def token(self, subject: str = "root", *scopes: str, seconds: int = 60, **only: Any) -> str:
        minted = self.ports.tokens.mint(
            subject=subject,
            name="test",
            scopes=scopes or tuple(SCOPES),
            restriction=Restriction(**only),
            lifetime_seconds=seconds,
        )
        text: str = minted.token
        return text

    def happen(self, *data: EventData) -> None:
        """Publish events and record them, as agents and ingest do."""
        events = [new_event(each, source="test") for each in data]
        publisher = self.broker.publisher()
        publisher.publish([event_message(event) for event in events])
        with self.records.session() as session:
            record_events(session, events, now=datetime.now(UTC))

    def record(self, *data: EventData) -> None:
        """Record events that nobody announced."""
        with self.records.session() as session:
            events = [new_event(each, source="test") for each in data]
            record_events(session, events, now=datetime.now(UTC))

    def end(self) -> None:
        self.stop.set()
        self.thread.join(20)
        self.service.close()
        self.broker.close()


@contextmanager
def served(records: Records, samples: SampleStore, **settings: Any) -> Iterator[Live]:
    live = Live(records, samples, **settings)
    live.thread.start()
    try:
        yield live
    finally:
        live.end()
