"""The record store as one object: where it is, its sessions, its migrations, its health."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from pilothouse_common.errors import ConfigError
from pilothouse_common.store.records.failures import translated
from pilothouse_common.store.records.migration import upgrade

_READ_ONLY = "pilothouse_read_only"
_BUSY_SECONDS = 10
_SERVER_SETTINGS = {
    "timezone": "UTC",
    "plan_cache_mode": "force_custom_plan",  # users and nodes differ in how many jobs they have
    # A host that vanished must not keep its locks.
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "idle_in_transaction_session_timeout": 60_000,
}
FORMS = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///PATH"


class Records:
    """PostgreSQL or SQLite behind SQLAlchemy. Safe to use from several threads; connects lazily.

    Args:
        url: ``postgresql://…`` (also ``postgresql+psycopg://``) or ``sqlite:///PATH``.
        pool_size: Connections kept; as many again may be opened for a while.

    Raises:
        ConfigError: A URL of neither form. The message has no password.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self._url = parse_records_url(url)
        self._engine = _engine(self._url, pool_size)
        self._reader = self._engine.execution_options(**{_READ_ONLY: True})

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for tests and benchmarks."""
        return self._engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session that may write; commit when the block ends well, else roll back.

        On SQLite it holds the one writer's lock from its beginning: use reading() to read.

        Raises:
            StoreUnavailable: Try the whole block again later.
            Conflict: A constraint does not allow it.
            Rejected: A value that the database refuses.
        """
        with (
            translated(),
            Session(self._engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that cannot write; several read at once, also beside a writer."""
        with (
            translated(),
            Session(self._reader, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def migrate(self) -> None:
        """Bring the tables to the newest version. Safe when several processes start at once."""
        with translated(), self._engine.begin() as connection:
            upgrade(connection)

    def check(self) -> None:
        """Raise StoreUnavailable when it cannot be used now (readiness)."""
        with self.reading() as session:
            session.execute(text("SELECT 1 FROM alembic_version"))

    def close(self) -> None:
        """Close the pooled connections. Idempotent."""
        self._engine.dispose()


def parse_records_url(url: str) -> URL:
    """Return the URL with its driver.

    Raises:
        ConfigError: Not one of the two forms.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(f"records URL: not a URL; expected {FORMS}") from None
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg") and parsed.database:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    raise ConfigError(f"records URL: expected {FORMS}, not {parsed.drivername}://…")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _engine(url: URL, pool_size: int) -> Engine:
    common: dict[str, Any] = {
        "json_serializer": _json,
        "json_deserializer": msgspec.json.decode,
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_timeout": 10,
    }
    if url.drivername == "sqlite":
        assert url.database is not None
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, **common)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    arguments = {
        "connect_timeout": 5,
        "client_encoding": "utf8",  # a server of no locale makes databases of no encoding: bytes
        "options": " ".join(f"-c {name}={value}" for name, value in _SERVER_SETTINGS.items()),
        "application_name": "pilothouse",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    engine = create_engine(url, pool_pre_ping=True, connect_args=arguments, **common)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = (
        None  # transactions begin where SQLAlchemy says, not where it guesses
    )
    for pragma in (f"busy_timeout={_BUSY_SECONDS * 1000}", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    _write_ahead(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new file to a write-ahead log: the one thing that does not wait for others by itself."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # SQLite has no busy timeout for this statement
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READ_ONLY)
    # Before BEGIN IMMEDIATE, which a connection that was last used for reading would refuse.
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reads else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(_READ_ONLY):
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
