"""Events: CloudEvents 1.0 structured JSON. (source, id) is the dedupe key; order means nothing.

Writers send only these fields, readers ignore what they do not know. A change adds an optional
field; anything else is a new type. Source: CloudEvents 1.0.2, "JSON Event Format".
"""

from datetime import UTC, datetime
from typing import Annotated, ClassVar
from uuid import uuid4

import msgspec
from msgspec import Meta, Struct

from pilothouse_common.contract.message import EVENT_CONTENT_TYPE, Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Malformed, UnknownMessage

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Text = Annotated[str, Meta(max_length=4096)]
Time = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
JobId = Annotated[int, Meta(ge=1, le=2**53)]
RUN_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
RunId = Annotated[str, Meta(pattern=RUN_ID_PATTERN)]
JOB_STATES = (
    "PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL",
    "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
)  # fmt: skip
"""Slurm's base job states (squeue(1), JOB STATE CODES)."""


class EventData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what an event says; ``type`` is its CloudEvents type."""

    type: ClassVar[str]
    cluster: Name

    @property
    def subject(self) -> str:
        """The thing it happened to, ``<cluster>[/<noun>/<id>]``."""
        return self.cluster


class JobEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """What any job event may know of its job; hooks and Slurm versions differ in what they tell.

    ``nodes`` is the expanded node list; ``gpus`` counts all nodes'. ``restart_count`` is what the
    environment of this event said: an epilog already sees the next one.
    """

    job_id: JobId
    submit_time: Time | None = None
    restart_count: Count = 0
    sluid: Text | None = None
    name: Text | None = None
    user: Text | None = None
    uid: Count | None = None
    group: Text | None = None
    gid: Count | None = None
    account: Text | None = None
    partition: Text | None = None
    qos: Text | None = None
    nodes: list[Name] | None = None
    num_nodes: Count | None = None
    cpus: Count | None = None
    gpus: Count | None = None
    time_limit_seconds: Count | None = None
    array_job_id: Count | None = None
    array_task_id: Count | None = None
    het_job_id: Count | None = None
    het_job_offset: Count | None = None
    comment: Text | None = None
    work_dir: Text | None = None

    @property
    def subject(self) -> str:
        """``<cluster>/jobs/<job_id>``."""
        return f"{self.cluster}/jobs/{self.job_id}"


class JobSubmitted(JobEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The scheduler accepted a job, which is now pending."""

    type: ClassVar[str] = "job.submitted"
    reason: Text | None = None


class JobStarted(JobEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The scheduler gave the job its nodes (once per start: a requeued job starts again)."""

    type: ClassVar[str] = "job.started"
    start_time: Time


class JobFinished(JobEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The job left its nodes.

    ``exit_code`` and ``signal`` are decoded from the wait status; ``state`` only when the source
    knows it (a cancelled job's hook cannot tell it from success).
    """

    type: ClassVar[str] = "job.finished"
    end_time: Time
    start_time: Time | None = None
    exit_code: Count | None = None
    signal: Count | None = None
    derived_exit_code: Count | None = None
    state: Name | None = None


class JobNodeEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """Something on one node of a job. ``gpu_ids`` are the node's own device indices."""

    job_id: JobId
    hostname: Name
    restart_count: Count = 0
    submit_time: Time | None = None
    user: Text | None = None
    uid: Count | None = None
    gpu_ids: list[Text] | None = None

    @property
    def subject(self) -> str:
        """``<cluster>/jobs/<job_id>``."""
        return f"{self.cluster}/jobs/{self.job_id}"


class JobNodeStarted(JobNodeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The job's prolog ran on this node."""

    type: ClassVar[str] = "job.node_started"
    start_time: Time


class JobNodeFinished(JobNodeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The job's epilog ran on this node."""

    type: ClassVar[str] = "job.node_finished"
    end_time: Time


class NodeReported(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """An agent says what its node is: at its start, when that changes, and every hour."""

    type: ClassVar[str] = "node.reported"
    hostname: Name
    boot_time: Time | None = None
    interval_seconds: Annotated[float, Meta(gt=0)] | None = None
    agent_version: Text | None = None
    kernel: Text | None = None
    os: Text | None = None
    architecture: Text | None = None
    cpu_model: Text | None = None
    sockets: Count | None = None
    cores: Count | None = None
    hwthreads: Count | None = None
    memory_bytes: Count | None = None
    gpus: Count | None = None
    gpu_models: list[Text] | None = None
    collectors: list[Text] | None = None

    @property
    def subject(self) -> str:
        """``<cluster>/nodes/<hostname>``."""
        return f"{self.cluster}/nodes/{self.hostname}"


class RunEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """What any run event knows: which run, and the node of its (first) process."""

    run_id: RunId
    hostname: Name

    @property
    def subject(self) -> str:
        """``<cluster>/runs/<run_id>``."""
        return f"{self.cluster}/runs/{self.run_id}"


class RunStarted(RunEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A simulation connected to its agent; told again when it connects again.

    ``start_time`` is that of its process, ``rank`` its own number in a parallel program.
    """

    type: ClassVar[str] = "run.started"
    name: Name
    start_time: Time
    user: Name | None = None
    uid: Count | None = None
    job_id: JobId | None = None
    rank: Count | None = None
    pid: Count | None = None


class RunFinished(RunEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A simulation said goodbye, closed its connection or ended; ``reason`` says which."""

    type: ClassVar[str] = "run.finished"
    end_time: Time
    user: Name | None = None
    reason: Text | None = None


EVENT_TYPES: dict[str, type[EventData]] = {
    cls.type: cls
    for cls in (
        JobSubmitted,
        JobStarted,
        JobFinished,
        JobNodeStarted,
        JobNodeFinished,
        NodeReported,
        RunStarted,
        RunFinished,
    )
}


class Event(Struct, frozen=True, kw_only=True):
    """A decoded event: the CloudEvents attributes and the typed data."""

    id: str
    source: str
    time: datetime
    data: EventData

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return self.data.type


class _Envelope(Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0 context attributes in their wire order."""

    specversion: str = "1.0"
    id: Name
    source: Name
    type: Name
    subject: str = ""
    time: Time
    datacontenttype: str = "application/json"
    data: msgspec.Raw


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_DATA: dict[str, msgspec.json.Decoder[EventData]] = {
    name: msgspec.json.Decoder(cls) for name, cls in EVENT_TYPES.items()
}


def new_event(
    data: EventData, *, source: str, event_id: str = "", time: datetime | None = None
) -> Event:
    """Return an event that happens now; pass an id when the same fact may be told twice."""
    return Event(
        id=event_id or str(uuid4()), source=source, time=time or datetime.now(UTC), data=data
    )


def encode_event(event: Event) -> bytes:
    """Return the CloudEvents JSON document."""
    return msgspec.json.encode(
        _Envelope(
            id=event.id,
            source=event.source,
            type=event.type,
            subject=event.data.subject,
            time=event.time,
            data=msgspec.Raw(msgspec.json.encode(event.data)),
        )
    )


def event_message(event: Event) -> Message:
    """Return the publishable message of an event."""
    return Message(
        Exchange.EVENTS, event.type, encode_event(event), EVENT_CONTENT_TYPE, message_id=event.id
    )


def decode_event(body: bytes) -> Event:
    """Read one event.

    Raises:
        Malformed: Not a CloudEvents 1.0 document, or its data does not fit the type's schema.
        UnknownMessage: A type that this process does not know.
    """
    try:
        envelope = _ENVELOPE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise Malformed(f"event: not a CloudEvents 1.0 document: {exc}") from exc
    if envelope.specversion != "1.0":
        raise Malformed(
            f"event {envelope.id}: specversion {envelope.specversion!r}, expected '1.0'"
        )
    decoder = _DATA.get(envelope.type)
    if decoder is None:
        raise UnknownMessage(
            f"event {envelope.id}: unknown type {envelope.type!r}, expected one of {', '.join(EVENT_TYPES)}"
        )
    try:
        data = decoder.decode(envelope.data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise Malformed(f"event {envelope.id}: data does not fit {envelope.type}: {exc}") from exc
    return Event(id=envelope.id, source=envelope.source, time=envelope.time, data=data)
