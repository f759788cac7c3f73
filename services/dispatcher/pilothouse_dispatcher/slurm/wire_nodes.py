"""Reads what slurmrestd says of nodes, partitions and reservations, in any version's shape."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from pilothouse_dispatcher.slurm.encode import MEBIBYTE
from pilothouse_dispatcher.slurm.job import moment, node_names
from pilothouse_dispatcher.slurm.nodes import SlurmNode, SlurmPartition, SlurmReservation
from pilothouse_dispatcher.slurm.wire import NumberOrInt, listed, whole


class _Node(Struct):
    name: str
    state: str | list[str] = ""
    state_flags: list[str] | None = None
    reason: str | None = None
    cpus: int = 0
    alloc_cpus: int | None = None
    real_memory: int = 0
    alloc_memory: int | None = None
    free_memory: NumberOrInt = None
    free_mem: NumberOrInt = None
    gres: str | None = None
    gres_used: str | None = None
    features: str | list[str] | None = None
    partitions: list[str] | None = None
    boot_time: NumberOrInt = None
    slurmd_version: str | None = None
    version: str | None = None


class _Nodes(Struct):
    nodes: list[_Node] = []


class _Partition(Struct):
    """v0.0.38 is flat; later versions nest and have no flat names."""

    name: str
    nodes: Any = None
    state: str | None = None
    flags: list[str] | None = None
    total_nodes: int | None = None
    total_cpus: int | None = None
    max_time_limit: int | None = None
    default_time_limit: int | None = None
    cpus: Any = None
    partition: Any = None
    maximums: Any = None
    defaults: Any = None


class _Partitions(Struct):
    partitions: list[_Partition] = []


class _Reservation(Struct):
    name: str
    start_time: NumberOrInt = None
    end_time: NumberOrInt = None
    node_list: str | None = None
    users: str | None = None
    accounts: str | None = None
    flags: list[str] | None = None


class _Reservations(Struct):
    reservations: list[_Reservation] = []


def decode_nodes(body: bytes) -> list[SlurmNode]:
    """Read the answer to ``GET /nodes`` or ``/node/{name}``.

    Raises:
        msgspec.MsgspecError: Not such an answer.
    """
    return [_node(raw) for raw in msgspec.json.decode(body, type=_Nodes).nodes]


def decode_partitions(body: bytes) -> list[SlurmPartition]:
    """Read the answer to ``GET /partitions`` or ``/partition/{name}``.

    Raises:
        msgspec.MsgspecError: Not such an answer.
    """
    rows = msgspec.json.decode(body, type=_Partitions).partitions
    return [
        _flat(raw) if raw.nodes is None or isinstance(raw.nodes, str) else _nested(raw)
        for raw in rows
    ]


def decode_reservations(body: bytes) -> list[SlurmReservation]:
    """Read the answer to ``GET /reservations``.

    Raises:
        msgspec.MsgspecError: Not such an answer.
    """
    return [
        SlurmReservation(
            name=raw.name,
            start_time=moment(whole(raw.start_time)),
            end_time=moment(whole(raw.end_time)),
            nodes=node_names(raw.node_list or "") or [],
            users=tuple(listed(raw.users or "")),
            accounts=tuple(listed(raw.accounts or "")),
            flags=tuple(raw.flags or ()),
        )
        for raw in msgspec.json.decode(body, type=_Reservations).reservations
    ]


def _node(raw: _Node) -> SlurmNode:
    free = whole(raw.free_mem if raw.free_mem is not None else raw.free_memory)
    return SlurmNode(
        name=raw.name,
        states=tuple(word.upper() for word in (*listed(raw.state), *(raw.state_flags or ()))),
        reason=raw.reason or "",
        cpus=raw.cpus,
        allocated_cpus=raw.alloc_cpus or 0,
        memory_bytes=raw.real_memory * MEBIBYTE,
        allocated_memory_bytes=(raw.alloc_memory or 0) * MEBIBYTE,
        free_memory_bytes=free * MEBIBYTE if free is not None and free >= 0 else None,
        gres=raw.gres or "",
        used_gres=raw.gres_used or "",
        features=tuple(listed(raw.features or "")),
        partitions=tuple(raw.partitions or ()),
        boot_time=moment(whole(raw.boot_time)),
        version=raw.version or raw.slurmd_version or "",
    )


def _flat(raw: _Partition) -> SlurmPartition:
    return SlurmPartition(
        name=raw.name,
        state=raw.state or "",
        nodes=node_names(raw.nodes or "") or [],
        total_nodes=raw.total_nodes or 0,
        total_cpus=raw.total_cpus or 0,
        max_time_seconds=_minutes(raw.max_time_limit),
        default_time_seconds=_minutes(raw.default_time_limit),
        default="default" in (raw.flags or ()),
    )


def _nested(raw: _Partition) -> SlurmPartition:
    state = _part(raw.partition, "state")
    return SlurmPartition(
        name=raw.name,
        state=",".join(state) if isinstance(state, list) else str(state or ""),
        nodes=node_names(str(_part(raw.nodes, "configured") or "")) or [],
        total_nodes=int(_part(raw.nodes, "total") or 0),
        total_cpus=int(_part(raw.cpus, "total") or 0),
        max_time_seconds=_minutes(_number(raw.maximums, "time")),
        default_time_seconds=_minutes(_number(raw.defaults, "time")),
        default=None if raw.flags is None else "DEFAULT" in raw.flags,
    )


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _number(value: Any, name: str) -> int | None:
    return whole(msgspec.convert(_part(value, name), NumberOrInt))


def _minutes(value: int | None) -> int | None:
    """Return seconds; a negative number of minutes is unlimited."""
    return value * 60 if value is not None and value >= 0 else None
