"""Alembic, called from the program: the migrations travel in the package, there is no alembic.ini."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

_LOCK = 0x70696C6F74  # any number that nobody else locks


def config(connection: Connection | None = None) -> Config:
    """Return the Alembic configuration that runs our migrations on this connection."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Run what is missing inside the connection's transaction; others wait, then find it done.

    SQLite needs no lock of its own: the transaction already is the only writer.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    command.upgrade(config(connection), "head")
