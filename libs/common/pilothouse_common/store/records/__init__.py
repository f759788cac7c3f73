"""The record store: SQLAlchemy models, repositories and migrations for PostgreSQL and SQLite."""

from pilothouse_common.store.records.audit import AuditRepository
from pilothouse_common.store.records.clusters import ClusterRepository
from pilothouse_common.store.records.compat_answers import AnswerFilter, CompatAnswerRepository
from pilothouse_common.store.records.compat_models import CompatAnswer, CompatTask
from pilothouse_common.store.records.compat_tasks import CompatTaskRepository
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.records.events import EventRepository
from pilothouse_common.store.records.jobs import JOB_SORTS, JobFilter, JobRepository, JobSort
from pilothouse_common.store.records.models import (
    FAR_FUTURE,
    Allocation,
    AuditEntry,
    Cluster,
    Job,
    Node,
    Run,
    StoredEvent,
    Token,
)
from pilothouse_common.store.records.nodes import NodeRepository
from pilothouse_common.store.records.paging import Page
from pilothouse_common.store.records.recording import record_events
from pilothouse_common.store.records.runs import RunFilter, RunRepository
from pilothouse_common.store.records.tokens import TokenRepository

__all__ = [
    "FAR_FUTURE",
    "JOB_SORTS",
    "Allocation",
    "AnswerFilter",
    "AuditEntry",
    "AuditRepository",
    "Cluster",
    "ClusterRepository",
    "CompatAnswer",
    "CompatAnswerRepository",
    "CompatTask",
    "CompatTaskRepository",
    "EventRepository",
    "Job",
    "JobFilter",
    "JobRepository",
    "JobSort",
    "Node",
    "NodeRepository",
    "Page",
    "Records",
    "Run",
    "RunFilter",
    "RunRepository",
    "StoredEvent",
    "Token",
    "TokenRepository",
    "record_events",
]
