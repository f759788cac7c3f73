"""The record store itself: migrations, sessions, and errors in our words."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pilothouse_common.errors import ConfigError, Conflict, Rejected, StoreUnavailable
from pilothouse_common.store.records import Cluster, ClusterRepository, Records
from pilothouse_common.store.records.migration import make_all, migrate
from pilothouse_common.store.records.models import Base
from sqlalchemy import func, inspect, select, text

from tests.support.postgres import Databases, Postgres, private_postgres
from tests.support.process import eventually
from tests.unit.records.test_fold_cases import T0


@pytest.fixture(params=["postgresql", "sqlite"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/records.sqlite"
    databases: Databases = request.getfixturevalue("postgres_databases")
    return databases.empty()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    with private_postgres() as server:
        yield server


def test_migrations_make_what_the_models_say(records: Records) -> None:
    with records.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
        indexes = {
            name: {index["name"] for index in inspect(connection).get_indexes(name)}
            for name in Base.metadata.tables
        }

    assert differences == []
    for name, table in Base.metadata.tables.items():
        assert {index.name for index in table.indexes} <= indexes[name]


def test_a_new_file_is_made_as_the_migrations_make_it(tmp_path: Path) -> None:
    made, migrated = (
        Records(f"sqlite:///{tmp_path}/{name}.sqlite") for name in ("made", "migrated")
    )
    with made.engine.begin() as connection:
        make_all(connection)
    with migrated.engine.begin() as connection:
        migrate(connection)

    assert _schema(made) == _schema(migrated)
    made.migrate()
    made.check()
    for records in (made, migrated):
        records.close()


def _schema(records: Records) -> dict[str, object]:
    with records.engine.connect() as connection:
        inspector = inspect(connection)
        found: dict[str, object] = {
            name: (
                sorted(repr({**c, "type": str(c["type"])}) for c in inspector.get_columns(name)),
                inspector.get_pk_constraint(name)["constrained_columns"],
                sorted(map(repr, inspector.get_foreign_keys(name))),
                sorted(map(repr, inspector.get_unique_constraints(name))),
            )
            for name in inspector.get_table_names()
        }
        indexes = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        )
        found["indexes"] = {name: " ".join(sql.split()) for name, sql in indexes}
        found["version"] = connection.execute(text("SELECT * FROM alembic_version")).all()
    return found


def test_a_database_of_no_encoding_holds_any_text(postgres_databases: Databases) -> None:
    url = postgres_databases.empty("ENCODING SQL_ASCII LOCALE 'C' TEMPLATE template0")
    records = Records(url)
    records.migrate()

    with records.session() as session:
        session.add(Cluster(name="Größe", first_seen=T0))
    with records.reading() as session:
        names = list(session.scalars(select(Cluster.name)))

    records.close()
    assert names == ["Größe"]


def test_several_processes_may_migrate_at_once(empty_url: str) -> None:
    several = [Records(empty_url) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(each.migrate) for each in several]:
            done.result()

    with several[0].reading() as session:
        assert session.scalars(text("SELECT version_num FROM alembic_version")).all() == ["0003"]
    for each in several:
        each.check()
        each.close()


def test_a_store_without_tables_is_not_ready(empty_url: str) -> None:
    records = Records(empty_url)

    with pytest.raises(StoreUnavailable):
        records.check()

    records.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://me:secret@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://me:secret@host",
        "postgresql://me:secret@host:port/db",
    ],
)
def test_a_wrong_url_is_a_config_error_without_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Records(url)

    assert "secret" not in str(caught.value)
    assert "postgresql://USER" in str(caught.value)


def test_a_server_that_is_away_is_unavailable_and_no_password_is_told() -> None:
    records = Records("postgresql://me:secret@127.0.0.1:1/db")

    with pytest.raises(StoreUnavailable) as caught:
        records.check()

    assert "secret" not in str(caught.value)
    records.close()


def test_a_session_that_fails_leaves_nothing(records: Records) -> None:
    def fail_half_way() -> None:
        with records.session() as session:
            session.add(Cluster(name="c", first_seen=T0))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()

    with records.reading() as session:
        assert ClusterRepository(session).all() == []


def test_a_broken_constraint_is_a_conflict(records: Records) -> None:
    with records.session() as session:
        session.add(Cluster(name="c", first_seen=T0))

    with pytest.raises(Conflict), records.session() as session:
        session.add(Cluster(name="c", first_seen=T0))


def test_a_reading_session_cannot_write(records: Records) -> None:
    with pytest.raises(StoreUnavailable), records.reading() as session:
        session.add(Cluster(name="c", first_seen=T0))

    with records.session() as session:
        session.add(Cluster(name="c", first_seen=T0))


@pytest.mark.parametrize("name", ["a\0b", "x" * 256, "\ud800"])
def test_postgresql_refuses_what_it_cannot_keep(postgres_records: Records, name: str) -> None:
    with pytest.raises(Rejected), postgres_records.session() as session:
        session.add(Cluster(name=name, first_seen=T0))


def test_sqlite_is_read_while_it_is_written(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path}/records.sqlite")
    records.migrate()

    with records.session() as writer:
        writer.add(Cluster(name="c", first_seen=T0))
        writer.flush()
        with records.reading() as reader:
            before = reader.scalar(select(func.count()).select_from(Cluster))
    with records.reading() as reader:
        after = reader.scalar(select(func.count()).select_from(Cluster))

    assert (before, after) == (0, 1)
    records.close()


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    path.write_text("not a database, but long enough to be looked at " * 100)
    records = Records(f"sqlite:///{path}")

    with pytest.raises(StoreUnavailable):
        records.migrate()

    records.close()


def test_a_killed_server_is_unavailable_until_it_is_back(own_postgres: Postgres) -> None:
    records = Records(own_postgres.url())
    records.migrate()
    with records.session() as session:
        session.add(Cluster(name="kept", first_seen=T0))

    own_postgres.kill()
    with pytest.raises(StoreUnavailable):
        records.check()
    own_postgres.restart()

    eventually(lambda: _clusters(records) == ["kept"], within=10)
    records.close()


def test_a_server_killed_inside_a_transaction_is_unavailable(own_postgres: Postgres) -> None:
    records = Records(own_postgres.url())
    records.migrate()

    def lose_the_server() -> None:
        with records.session() as session:
            session.add(Cluster(name="lost", first_seen=T0))
            session.flush()
            own_postgres.kill()
            session.execute(text("SELECT 1"))

    with pytest.raises(StoreUnavailable):
        lose_the_server()

    records.close()


def test_sqlite_keeps_what_was_committed_on_disk(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path}/records.sqlite")
    records.migrate()

    with records.session() as session:
        modes = [
            session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        session.add(Cluster(name="kept", first_seen=T0))
    with sqlite3.connect(tmp_path / "records.sqlite") as other:
        names = other.execute("SELECT name FROM clusters").fetchall()
    other.close()

    assert modes == ["wal", 2, 1]
    assert names == [("kept",)]
    records.close()


def _clusters(records: Records) -> list[str]:
    with records.reading() as session:
        return [cluster.name for cluster in ClusterRepository(session).all()]
