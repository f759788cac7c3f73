"""Tables of the record store. Times are UTC; SQLite keeps them as naive UTC text behind UtcTime."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcTime(TypeDecorator[datetime]):
    """Aware datetimes in and out, on both dialects."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 SQLAlchemy's signature
    ) -> datetime | None:
        """Return aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands for "not ended" where a list is ordered or cut by end."""
NAME_KEY_LENGTH = 200
"""Characters of a job's name that are indexed: whole names can be longer than an index entry."""

BigInt = BigInteger().with_variant(Integer, "sqlite")
Bytewise = String(NAME_KEY_LENGTH, collation="C").with_variant(String(NAME_KEY_LENGTH), "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")


class Base(DeclarativeBase):
    """Declarative base of all tables."""

    type_annotation_map = {datetime: UtcTime, dict[str, Any]: Json, list[str]: Json, int: BigInt}  # noqa: RUF012 SQLAlchemy's own attribute


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, for statements that work on columns."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


class Cluster(Base):
    """A cluster, made when its first event arrives."""

    __tablename__ = "clusters"
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    first_seen: Mapped[datetime]


class Node(Base):
    """What the agent of a node last said of it (node.reported).

    A host that only sends samples (through another collector) has no ``reported_time``.
    """

    __tablename__ = "nodes"
    cluster: Mapped[str] = mapped_column(String(255), primary_key=True)
    hostname: Mapped[str] = mapped_column(String(255), primary_key=True)
    first_seen: Mapped[datetime]
    reported_time: Mapped[datetime | None]
    boot_time: Mapped[datetime | None]
    interval_seconds: Mapped[float | None]
    agent_version: Mapped[str | None] = mapped_column(String(4096))
    hardware: Mapped[dict[str, Any]]


class StoredEvent(Base):
    """Every event once; (source, event_id) is the dedupe key.

    ``seq`` rises in the order of commits, so that a reader who asks for all after the last it saw
    misses none. ``user`` is the user of its job, as soon as one event of the job told it.
    """

    __tablename__ = "events"
    seq: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    source: Mapped[str] = mapped_column(String(255))
    event_id: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(64))
    time: Mapped[datetime]
    received_time: Mapped[datetime]
    cluster: Mapped[str] = mapped_column(String(255))
    job_id: Mapped[int | None]
    hostname: Mapped[str | None] = mapped_column(String(255))
    user: Mapped[str | None] = mapped_column(String(255))
    data: Mapped[dict[str, Any]]
    __table_args__ = (
        UniqueConstraint("source", "event_id", name="uq_events_source_event_id"),
        Index("ix_events_job", "cluster", "job_id", "seq"),
        Index("ix_events_received_time", "received_time"),
        {"sqlite_autoincrement": True},
    )


class Job(Base):
    """One job: a value computed from its events (fold.py), never edited in place.

    ``ordinal`` counts the jobs that had this id. ``listed_time`` is start_time, else submit_time, else
    the time of the first event; ``listed_end_time`` is end_time, else FAR_FUTURE: never null, they
    order lists. ``name_key`` is the start of the name, for its index.
    """

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    cluster: Mapped[str] = mapped_column(String(255))
    job_id: Mapped[int]
    ordinal: Mapped[int]
    listed_time: Mapped[datetime]
    listed_end_time: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str | None] = mapped_column(String(4096))
    submit_time: Mapped[datetime | None]
    start_time: Mapped[datetime | None]
    end_time: Mapped[datetime | None]
    exit_code: Mapped[int | None]
    signal: Mapped[int | None]
    derived_exit_code: Mapped[int | None]
    restart_count: Mapped[int]
    sluid: Mapped[str | None] = mapped_column(String(4096))
    name: Mapped[str | None] = mapped_column(String(4096))
    name_key: Mapped[str | None] = mapped_column(Bytewise)
    user: Mapped[str | None] = mapped_column(String(255))
    uid: Mapped[int | None]
    group: Mapped[str | None] = mapped_column(String(255))
    gid: Mapped[int | None]
    account: Mapped[str | None] = mapped_column(String(255))
    partition: Mapped[str | None] = mapped_column(String(255))
    qos: Mapped[str | None] = mapped_column(String(255))
    num_nodes: Mapped[int | None]
    cpus: Mapped[int | None]
    gpus: Mapped[int | None]
    time_limit_seconds: Mapped[int | None]
    array_job_id: Mapped[int | None]
    array_task_id: Mapped[int | None]
    het_job_id: Mapped[int | None]
    het_job_offset: Mapped[int | None]
    comment: Mapped[str | None] = mapped_column(String(4096))
    work_dir: Mapped[str | None] = mapped_column(String(4096))
    allocations: Mapped[list["Allocation"]] = relationship(
        back_populates="job", order_by="Allocation.id", lazy="raise", viewonly=True
    )
    __table_args__ = (
        Index("ix_jobs_job_id", "job_id", "cluster", "ordinal"),
        Index("ix_jobs_array", "array_job_id", "array_task_id"),
        Index("ix_jobs_het", "het_job_id", "het_job_offset"),
        Index("ix_jobs_listed", "listed_time", "id", "listed_end_time"),
        Index("ix_jobs_listed_end", "listed_end_time", "id", "listed_time"),
        Index("ix_jobs_sorted_job_id", "job_id", "id"),
        *(
            Index(f"ix_jobs_{column.removesuffix('_key')}", column, "listed_time", "id")
            for column in ("cluster", "user", "account", "partition", "state", "name_key")
        ),
    )


class Allocation(Base):
    """One node of one start of a job; a requeued job has several starts (``restart``).

    ``listed`` marks the last one of a job on a node, so that lists by node have each job once;
    ``listed_time`` is the job's.
    """

    __tablename__ = "allocations"
    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    job_pk: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    cluster: Mapped[str] = mapped_column(String(255))
    hostname: Mapped[str] = mapped_column(String(255))
    restart: Mapped[int]
    listed_time: Mapped[datetime]
    start_time: Mapped[datetime | None]
    end_time: Mapped[datetime | None]
    gpu_ids: Mapped[list[str]]
    listed: Mapped[bool] = mapped_column(Boolean)
    job: Mapped[Job] = relationship(back_populates="allocations", lazy="raise", viewonly=True)
    __table_args__ = (
        Index("ix_allocations_job", "job_pk"),
        Index("ix_allocations_hostname", "hostname", "listed_time", "job_pk"),
        Index(
            "ix_allocations_open",
            "cluster",
            "hostname",
            postgresql_where=text("end_time IS NULL"),
            sqlite_where=text("end_time IS NULL"),
        ),
    )


class Run(Base):
    """One simulation that connected to an agent (run_writer.py), merged from its events.

    ``listed_time`` is the start of its process, else the time of the first event: never null, it orders
    lists. ``started_told`` and ``finished_told`` are the times of the newest events of each kind.
    """

    __tablename__ = "runs"
    run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    cluster: Mapped[str] = mapped_column(String(255))
    hostname: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    listed_time: Mapped[datetime]
    name: Mapped[str | None] = mapped_column(String(255))
    user: Mapped[str | None] = mapped_column(String(255))
    uid: Mapped[int | None]
    job_id: Mapped[int | None]
    rank: Mapped[int | None]
    pid: Mapped[int | None]
    start_time: Mapped[datetime | None]
    end_time: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(4096))
    started_told: Mapped[datetime | None]
    finished_told: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_runs_listed", "listed_time", "run_id"),
        Index("ix_runs_user", "user", "listed_time", "run_id"),
        Index("ix_runs_job", "job_id", "listed_time", "run_id"),
        Index("ix_runs_state", "state", "listed_time", "run_id"),
    )


class Token(Base):
    """What stands behind a token's ``jti``; the token itself is never stored."""

    __tablename__ = "tokens"
    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[list[str]]
    restriction: Mapped[dict[str, Any]]
    parent_jti: Mapped[str | None] = mapped_column(String(64))
    created_time: Mapped[datetime]
    expiry_time: Mapped[datetime]
    revoked_time: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_tokens_created_time", "created_time", "jti"),
        Index("ix_tokens_parent_jti", "parent_jti"),
    )


class AuditEntry(Base):
    """Who did what: one row per change made through the API or a command line."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    time: Mapped[datetime]
    subject: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(255))
    detail: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_audit_time", "time"),)
