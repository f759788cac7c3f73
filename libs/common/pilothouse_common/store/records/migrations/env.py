"""Alembic's entry: run the migrations on the connection that migration.py passes."""

from alembic import context
from pilothouse_common.store.records.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
