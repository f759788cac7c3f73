"""The first tables: clusters, nodes, events, jobs, allocations, tokens, audit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(JSONB, "postgresql")
_BYTEWISE = sa.String(200, collation="C").with_variant(sa.String(200), "sqlite")


def upgrade() -> None:
    """Apply."""
    _audit()
    _clusters()
    _events()
    _jobs()
    _nodes()
    _tokens()
    _allocations()


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _BIG, sa.Identity(), primary_key=True),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("detail", _JSON, nullable=False),
    )
    op.create_index("ix_audit_time", "audit", ["time"])


def _clusters() -> None:
    op.create_table(
        "clusters",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("first_seen", _TIME, nullable=False),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _BIG, sa.Identity(), primary_key=True),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("received_time", _TIME, nullable=False),
        sa.Column("cluster", sa.String(255), nullable=False),
        sa.Column("job_id", _BIG),
        sa.Column("hostname", sa.String(255)),
        sa.Column("user", sa.String(255)),
        sa.Column("data", _JSON, nullable=False),
        sa.UniqueConstraint("source", "event_id", name="uq_events_source_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_job", "events", ["cluster", "job_id", "seq"])
    op.create_index("ix_events_received_time", "events", ["received_time"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _BIG, sa.Identity(), primary_key=True),
        sa.Column("cluster", sa.String(255), nullable=False),
        sa.Column("job_id", _BIG, nullable=False),
        sa.Column("ordinal", _BIG, nullable=False),
        sa.Column("listed_time", _TIME, nullable=False),
        sa.Column("listed_end_time", _TIME, nullable=False),
        sa.Column("state", sa.String(255), nullable=False),
        sa.Column("reason", sa.String(4096)),
        sa.Column("submit_time", _TIME),
        sa.Column("start_time", _TIME),
        sa.Column("end_time", _TIME),
        sa.Column("exit_code", _BIG),
        sa.Column("signal", _BIG),
        sa.Column("derived_exit_code", _BIG),
        sa.Column("restart_count", _BIG, nullable=False),
        sa.Column("sluid", sa.String(4096)),
        sa.Column("name", sa.String(4096)),
        sa.Column("name_key", _BYTEWISE),
        sa.Column("user", sa.String(255)),
        sa.Column("uid", _BIG),
        sa.Column("group", sa.String(255)),
        sa.Column("gid", _BIG),
        sa.Column("account", sa.String(255)),
        sa.Column("partition", sa.String(255)),
        sa.Column("qos", sa.String(255)),
        sa.Column("num_nodes", _BIG),
        sa.Column("cpus", _BIG),
        sa.Column("gpus", _BIG),
        sa.Column("time_limit_seconds", _BIG),
        sa.Column("array_job_id", _BIG),
        sa.Column("array_task_id", _BIG),
        sa.Column("het_job_id", _BIG),
        sa.Column("het_job_offset", _BIG),
        sa.Column("comment", sa.String(4096)),
        sa.Column("work_dir", sa.String(4096)),
    )
    op.create_index("ix_jobs_account", "jobs", ["account", "listed_time", "id"])
    op.create_index("ix_jobs_array", "jobs", ["array_job_id", "array_task_id"])
    op.create_index("ix_jobs_cluster", "jobs", ["cluster", "listed_time", "id"])
    op.create_index("ix_jobs_het", "jobs", ["het_job_id", "het_job_offset"])
    op.create_index("ix_jobs_job_id", "jobs", ["job_id", "cluster", "ordinal"])
    op.create_index("ix_jobs_listed", "jobs", ["listed_time", "id", "listed_end_time"])
    op.create_index("ix_jobs_listed_end", "jobs", ["listed_end_time", "id", "listed_time"])
    op.create_index("ix_jobs_name", "jobs", ["name_key", "listed_time", "id"])
    op.create_index("ix_jobs_partition", "jobs", ["partition", "listed_time", "id"])
    op.create_index("ix_jobs_sorted_job_id", "jobs", ["job_id", "id"])
    op.create_index("ix_jobs_state", "jobs", ["state", "listed_time", "id"])
    op.create_index("ix_jobs_user", "jobs", ["user", "listed_time", "id"])


def _nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("cluster", sa.String(255), primary_key=True),
        sa.Column("hostname", sa.String(255), primary_key=True),
        sa.Column("first_seen", _TIME, nullable=False),
        sa.Column("reported_time", _TIME),
        sa.Column("boot_time", _TIME),
        sa.Column("interval_seconds", sa.Double),
        sa.Column("agent_version", sa.String(4096)),
        sa.Column("hardware", _JSON, nullable=False),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("jti", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("scopes", _JSON, nullable=False),
        sa.Column("restriction", _JSON, nullable=False),
        sa.Column("parent_jti", sa.String(64)),
        sa.Column("created_time", _TIME, nullable=False),
        sa.Column("expiry_time", _TIME, nullable=False),
        sa.Column("revoked_time", _TIME),
    )
    op.create_index("ix_tokens_created_time", "tokens", ["created_time", "jti"])
    op.create_index("ix_tokens_parent_jti", "tokens", ["parent_jti"])


def _allocations() -> None:
    op.create_table(
        "allocations",
        sa.Column("id", _BIG, sa.Identity(), primary_key=True),
        sa.Column("job_pk", _BIG, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("cluster", sa.String(255), nullable=False),
        sa.Column("hostname", sa.String(255), nullable=False),
        sa.Column("restart", _BIG, nullable=False),
        sa.Column("listed_time", _TIME, nullable=False),
        sa.Column("start_time", _TIME),
        sa.Column("end_time", _TIME),
        sa.Column("gpu_ids", _JSON, nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
    )
    op.create_index("ix_allocations_hostname", "allocations", ["hostname", "listed_time", "job_pk"])
    op.create_index("ix_allocations_job", "allocations", ["job_pk"])
    op.create_index(
        "ix_allocations_open",
        "allocations",
        ["cluster", "hostname"],
        postgresql_where=sa.text("end_time IS NULL"),
        sqlite_where=sa.text("end_time IS NULL"),
    )
