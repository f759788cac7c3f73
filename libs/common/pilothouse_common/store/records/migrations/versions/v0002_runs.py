"""Runs: simulations that connected to an agent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("cluster", sa.String(255), nullable=False),
        sa.Column("hostname", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("listed_time", _TIME, nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("user", sa.String(255)),
        sa.Column("uid", _BIG),
        sa.Column("job_id", _BIG),
        sa.Column("rank", _BIG),
        sa.Column("pid", _BIG),
        sa.Column("start_time", _TIME),
        sa.Column("end_time", _TIME),
        sa.Column("reason", sa.String(4096)),
        sa.Column("started_told", _TIME),
        sa.Column("finished_told", _TIME),
    )
    op.create_index("ix_runs_listed", "runs", ["listed_time", "run_id"])
    op.create_index("ix_runs_user", "runs", ["user", "listed_time", "run_id"])
    op.create_index("ix_runs_job", "runs", ["job_id", "listed_time", "run_id"])
    op.create_index("ix_runs_state", "runs", ["state", "listed_time", "run_id"])
