"""Brings the tables to the newest version. Alembic is loaded only when there is something to migrate.

The migrations travel in the package, there is no alembic.ini. Most processes find the newest version, and
a new embedded file is made at once from the models, to which the migrations lead; a test holds them to it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from pilothouse_common.store.records.models import Base

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 0x70696C6F74  # any number that nobody else locks
_MIGRATIONS = Path(__file__).with_name("migrations")
_VERSIONS = "alembic_version"


def config(connection: Connection | None = None) -> "Config":
    """Return the Alembic configuration that runs our migrations on this connection."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.attributes["connection"] = connection
    return made


def newest_version() -> str:
    """Return the revision that the last migration leads to: its file is ``vREVISION_what.py``."""
    files = sorted((_MIGRATIONS / "versions").glob("v*_*.py"))
    return files[-1].name[1:].partition("_")[0]


def upgrade(connection: Connection) -> None:
    """Run what is missing inside the connection's transaction; others wait, then find it done.

    SQLite needs no lock of its own: the transaction already is the only writer.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    tables = inspect(connection).get_table_names()
    if _VERSIONS in tables and _version(connection) == newest_version():
        return
    if connection.dialect.name == "sqlite" and not tables:
        make_all(connection)
        return
    migrate(connection)


def migrate(connection: Connection) -> None:
    """Run all migrations that are missing."""
    from alembic import command

    command.upgrade(config(connection), "head")


def make_all(connection: Connection) -> None:
    """Make the tables of an empty database as the models say them, and note their version."""
    Base.metadata.create_all(connection)
    connection.execute(
        text(
            f"CREATE TABLE {_VERSIONS} (version_num VARCHAR(32) NOT NULL, "
            f"CONSTRAINT {_VERSIONS}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(
        text(f"INSERT INTO {_VERSIONS} VALUES (:version)"),  # noqa: S608 our own name
        {"version": newest_version()},
    )


def _version(connection: Connection) -> str | None:
    found = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}"))  # noqa: S608 our own name
    return found.scalars().first()
