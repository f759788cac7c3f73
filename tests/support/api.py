"""The gateway's app over real stores and the in-process broker, with builders of what they hold."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pilothouse_api.app import create_app
from pilothouse_api.compat.jumonc.options import GATEWAY, JumoncOptions
from pilothouse_api.ports import Ports
from pilothouse_api.settings import ApiSettings
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.contract.events import EventData, new_event
from pilothouse_common.contract.scopes import SCOPES, Restriction
from pilothouse_common.runtime.clock import Clock, SystemClock
from pilothouse_common.store.records import Records, record_events
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import SampleStore

KEY = "0123456789abcdef0123456789abcdef"
BASE = "http://testserver"


class SteppedClock:
    """A clock that tests set; the monotonic part moves with it."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 11, 20, 12, tzinfo=UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def step(self, seconds: float) -> None:
        self._now = datetime.fromtimestamp(self._now.timestamp() + seconds, UTC)
        self._monotonic += seconds


class Gateway:
    """One app under test and what stands behind it."""

    def __init__(
        self,
        records: Records,
        samples: SampleStore,
        clock: Clock | None = None,
        *,
        jumonc: JumoncOptions = GATEWAY,
        **settings: Any,
    ) -> None:
        self.records = records
        self.samples = samples
        self.clock = clock or SystemClock()
        self.broker = MemoryBroker()
        self.app: FastAPI = create_app(
            ApiSettings(
                broker_url="memory:",
                records_url="sqlite:///unused",
                samples_url="duckdb:///unused",
                token_key=KEY,
                **settings,
            ),
            records=records,
            samples=samples,
            publisher=self.broker.publisher(),
            broker=self.broker,
            clock=self.clock,
            jumonc=jumonc,
        )
        self.ports: Ports = self.app.state.ports

    def token(
        self,
        subject: str = "root",
        scopes: Sequence[str] = tuple(SCOPES),
        *,
        lifetime_seconds: int = 3600,
        **restriction: Any,
    ) -> str:
        return self.ports.tokens.mint(
            subject=subject,
            name="test",
            scopes=scopes,
            restriction=Restriction(**restriction),
            lifetime_seconds=lifetime_seconds,
        ).token

    def record(self, *data: EventData) -> None:
        """Do what ingest does with events."""
        events = [new_event(each, source="test") for each in data]
        with self.records.session() as session:
            record_events(session, events, now=self.clock.now())


class Api:
    """A client with one token."""

    def __init__(self, client: TestClient, token: str | None) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self._client.get(path, params=params or None, headers=self._headers)

    def post(self, path: str, **kwargs: Any) -> httpx.Response:
        headers = {**self._headers, **kwargs.pop("headers", {})}
        return self._client.post(path, headers=headers, **kwargs)

    def put(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.request("PUT", path, **kwargs)

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        return self._client.request(method, path, headers=self._headers, **kwargs)

    def delete(self, path: str) -> httpx.Response:
        return self._client.delete(path, headers=self._headers)

    def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@contextmanager
def serving(gateway: Gateway) -> Iterator[TestClient]:
    """Run the app's life cycle around a client that sees a 500 as any browser would."""
    with TestClient(gateway.app, BASE, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def sample_store(tmp_path: Path) -> Iterator[SampleStore]:
    """The embedded store in a file of its own."""
    store = open_sample_store(f"duckdb:///{tmp_path}/samples.duckdb")
    yield store
    store.close()


@pytest.fixture
def sqlite_records(tmp_path: Path) -> Iterator[Records]:
    """The embedded record store in a file of its own."""
    made = Records(f"sqlite:///{tmp_path}/api.sqlite")
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def gateway(sqlite_records: Records, sample_store: SampleStore) -> Iterator[Gateway]:
    """The app over SQLite and DuckDB."""
    made = Gateway(sqlite_records, sample_store)
    yield made
    made.broker.close()


@pytest.fixture
def client(gateway: Gateway) -> Iterator[TestClient]:
    """A browser without a token."""
    with serving(gateway) as made:
        yield made


@pytest.fixture
def api(gateway: Gateway, client: TestClient) -> Api:
    """A client that may do everything."""
    return Api(client, gateway.token())
