"""A private PostgreSQL: started once per session, stopped, killed and restarted by the tests that want it.

``PILOTHOUSE_TEST_POSTGRES_URL`` names a server instead (its user must be allowed to create databases).
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from pilothouse_common.store.records import Records
from sqlalchemy import make_url

from tests.support.process import Program, find_program, free_port
from tests.support.provide import program

_OTHER_USER = "nobody"


class Postgres:
    """One server process with a data directory of its own; it refuses to run as root."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self._user = _OTHER_USER if os.geteuid() == 0 else None
        self._bin = Path(program("postgres", packages=["postgresql"], dirs=_found_dirs()))
        self._program = Program(
            [
                *(str(self._bin), "-D", str(home / "data"), "-p", str(self.port), "-k", str(home)),
                *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"),
                *("-c", "log_min_messages=fatal"),
                *("-c", "fsync=off"),  # tests kill processes, not machines
            ],
            log=home / "log",
            cwd=home,
            user=self._user,
        )

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make the data directory."""
        if self._user is not None:
            shutil.chown(self.home, self._user)
        initdb = find_program("initdb", str(self._bin.parent), *_found_dirs())
        assert initdb is not None
        settings = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        subprocess.run(
            [initdb, "-D", str(self.home / "data"), *settings],
            check=True,
            capture_output=True,
            user=self._user,
            cwd=self.home,
            env={**os.environ, "HOME": str(self.home)},
        )

    def start(self) -> None:
        """Start, and return when it answers."""
        self._program.start().wait_ready(self._answers, within=30)

    def stop(self) -> None:
        """Stop in the orderly way (fast shutdown)."""
        if self._program.running:
            os.kill(self._program.pid, signal.SIGINT)
        self._program.stop()

    def kill(self) -> None:
        """SIGKILL the server and all its processes."""
        self._program.kill()

    def restart(self) -> None:
        """Start again after stop() or kill(); recovers from its log."""
        self.start()

    def _answers(self) -> bool:
        with psycopg.connect(self.url(), connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() is not None


def _found_dirs() -> tuple[str, ...]:
    return tuple(
        str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    )


@contextmanager
def private_postgres() -> Iterator[Postgres]:
    """Run a private server; remove its directory at the end."""
    home = Path(tempfile.mkdtemp(prefix="pilothouse-postgres-", dir="/var/tmp"))
    home.chmod(0o755)
    server = Postgres(home)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


class Databases:
    """Makes databases on a server: empty ones, and migrated ones cheaply as copies of one."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._template = ""
        self._made: list[str] = []

    def url(self, name: str) -> str:
        """Return the URL of a database of this server."""
        return self._url.set(database=name).render_as_string(hide_password=False)

    def empty(self, clause: str = "") -> str:
        """Make an empty database, with a clause of CREATE DATABASE; return its URL."""
        return self._create(clause)

    def migrated(self) -> str:
        """Make a database with all our tables; return its URL."""
        if not self._template:
            url = self._create()
            records = Records(url)
            records.migrate()
            records.close()
            self._template = self._made[-1]
        return self._create(f"TEMPLATE {self._template}")

    def drop(self, url: str) -> None:
        """Drop a database made here."""
        name = make_url(url).database
        assert name in self._made
        self._made.remove(name)
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def drop_all(self) -> None:
        """Drop every database made here."""
        for name in list(self._made):
            self.drop(self.url(name))
        self._template = ""

    def _create(self, clause: str = "") -> str:
        name = f"pilothouse_test_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} {clause}")
        self._made.append(name)
        return self.url(name)

    def _execute(self, statement: str) -> None:
        url = self._url.render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[Databases]:
    """Databases on a server that is only for tests."""
    given = os.environ.get("PILOTHOUSE_TEST_POSTGRES_URL")
    if given:
        databases = Databases(given)
        yield databases
        databases.drop_all()
        return
    with private_postgres() as server:
        yield Databases(server.url())


@pytest.fixture
def postgres_url(postgres_databases: Databases) -> str:
    """URL of a fresh database with all our tables."""
    return postgres_databases.migrated()


@pytest.fixture
def postgres_records(postgres_url: str) -> Iterator[Records]:
    """A fresh record store on PostgreSQL, for what only a server shows."""
    made = Records(postgres_url)
    yield made
    made.close()


@pytest.fixture(params=["postgresql", "sqlite"])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh record store with all our tables, once on each kind of store."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    url = f"sqlite:///{tmp_path}/records.sqlite"
    records = Records(url)
    records.migrate()
    records.close()
    return url


@pytest.fixture
def records(records_url: str) -> Iterator[Records]:
    """A fresh record store, once on each kind of store."""
    made = Records(records_url)
    yield made
    made.close()
