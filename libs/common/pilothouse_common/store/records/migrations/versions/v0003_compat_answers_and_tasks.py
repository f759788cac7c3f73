"""Answers and repeated tasks of the JuMonC form."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(JSONB, "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "compat_answers",
        sa.Column("id", _BIG, sa.Identity(), primary_key=True),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("audience", sa.String(64), nullable=False),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("parameters", _JSON, nullable=False),
        sa.Column("results", _JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_compat_answers_subject", "compat_answers", ["subject", "id"])
    op.create_index("ix_compat_answers_time", "compat_answers", ["time"])
    op.create_table(
        "compat_tasks",
        sa.Column("id", _BIG, sa.Identity(), primary_key=True),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("audience", sa.String(64), nullable=False),
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("parameters", _JSON, nullable=False),
        sa.Column("interval_ms", _BIG, nullable=False),
        sa.Column("next_time", _TIME, nullable=False),
        sa.Column("claimed_until", _TIME),
        sa.Column("last_time", _TIME),
        sa.Column("last_answer_id", _BIG),
        sa.Column("http_status", _BIG),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_compat_tasks_subject", "compat_tasks", ["subject", "id"])
    op.create_index("ix_compat_tasks_next_time", "compat_tasks", ["next_time"])
