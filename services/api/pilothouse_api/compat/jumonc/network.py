"""Answers of /v1/network/status: the counters of each interface, both ways."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pilothouse_api.compat.jumonc.gauges import Sources
from pilothouse_api.compat.jumonc.nodes import Host
from pilothouse_api.compat.jumonc.numbers import Number, with_prefix
from pilothouse_api.compat.jumonc.question import Measured, Question, clusters_of, not_measured
from pilothouse_api.compat.jumonc.values import Part

ALL = "All"
TYPES: dict[str, tuple[str, str]] = {
    "Bytes": ("eth_read_bw", "eth_write_bw"),
    "Packets": ("eth_read_pkts", "eth_write_pkts"),
    "Errs": ("eth_read_errors", "eth_write_errors"),
    "Drop": ("eth_read_drops", "eth_write_drops"),
    "Fifo": ("eth_read_fifo_errors", "eth_write_fifo_errors"),
    "Frame": ("eth_read_frame_errors", "eth_write_collisions"),
    "Compressed": ("eth_read_compressed", "eth_write_carrier_errors"),
    "Multicast": ("eth_read_multicast", "eth_write_compressed"),
}
"""Received and transmitted. JuMonC names the columns of /proc/net/dev by those of the receiving side."""
HELP: dict[str, str] = {
    "Bytes": "Data received and sent",
    "Packets": "Packets received and sent",
    "Errs": "Errors",
    "Drop": "Packets dropped",
    "Fifo": "FIFO errors",
    "Frame": "Framing errors; collisions when sending",
    "Compressed": "Compressed packets; losses of carrier when sending",
    "Multicast": "Multicast packets; compressed packets when sending",
    ALL: "All of them",
}
WAYS = ("received", "transmitted")
Columns = dict[str, list[dict[Part, float]]]
"""By type: what was received and what was sent, of each interface."""


def type_of(name: str) -> str | None:
    """Return the type that a path names, in whatever case; None: there is no such type."""
    wanted = name.lower().capitalize()
    return wanted if wanted in TYPES or wanted == ALL else None


def measure(
    sources: Sources,
    kind: str,
    hosts: Sequence[Host],
    question: Question,
    window: tuple[datetime, datetime] | None = None,
) -> Measured:
    """Return the answer of one type, or of all.

    With a duration they are rates: over the window, or where it has no sample the newest.

    Raises:
        NotFound: No interface is known.
        StoreUnavailable: The store cannot answer now.
    """
    types = list(TYPES) if kind == ALL else [kind]
    per_host = [
        _of_host(host, columns, question.interface) if host.hostname in up else {}
        for group in clusters_of(hosts)
        for up in [sources.up(group)]
        for columns in [_columns(sources, types, group, question, window)]
        for host in group
    ]
    names = sorted({name for interfaces in per_host for name in interfaces})
    if not names:
        raise not_measured()
    data = [_interface(name, per_host, types, question) for name in names]
    return Measured([data, 200], _flat(data))


def _columns(
    sources: Sources,
    types: Sequence[str],
    hosts: Sequence[Host],
    question: Question,
    window: tuple[datetime, datetime] | None,
) -> Columns:
    if question.duration_seconds <= 0:
        names = tuple(host.hostname for host in hosts)
        count = sources.totals.of
        return {t: [count(hosts[0].cluster, m, names) for m in TYPES[t]] for t in types}
    now = sources.clock.now() + timedelta(seconds=1)
    start, end = window or (now - timedelta(seconds=question.duration_seconds), now)
    return {t: [sources.mean(hosts, m, start, end) for m in TYPES[t]] for t in types}


def _of_host(host: Host, columns: Columns, wanted: str) -> dict[str, dict[str, list[Number]]]:
    """Return by interface, then type: what was received and what was sent."""
    found: dict[str, dict[str, list[Number]]] = {}
    for kind, ways in columns.items():
        for i, parts in enumerate(ways):
            for (hostname, interface), value in parts.items():
                if hostname == host.hostname and interface:
                    both = found.setdefault(interface, {}).setdefault(kind, [0, 0])
                    both[i] = value
    if wanted == "total":
        return {"total": _sum(found.values())} if found else {}
    return {wanted: found[wanted]} if wanted in found else found


def _sum(interfaces: Any) -> dict[str, list[Number]]:
    total: dict[str, list[Number]] = {}
    for each in interfaces:
        for kind, (received, sent) in each.items():
            both = total.setdefault(kind, [0, 0])
            both[0] += received
            both[1] += sent
    return total


def _interface(
    name: str,
    per_host: Sequence[Mapping[str, dict[str, list[Number]]]],
    types: Sequence[str],
    question: Question,
) -> dict[str, Any]:
    item: dict[str, Any] = {"interface": name}
    for i, way in enumerate(WAYS):
        item[way] = {}
        for kind in types:
            values = [
                host[name][kind][i] if kind in host.get(name, {}) else None for host in per_host
            ]
            if any(value is not None for value in values):
                item[way] |= _written(kind, values, question)
    return item


def _written(kind: str, values: Sequence[Number | None], question: Question) -> dict[str, Any]:
    rate = question.duration_seconds > 0
    if not rate:
        values = [None if value is None else round(value) for value in values]
    key = f"{kind}/s" if rate else kind
    if len(values) > 1:
        return {key: list(values)}
    assert values[0] is not None
    if not question.human:
        return {key: values[0]}
    text, prefix = with_prefix(values[0])
    return {f"{prefix}{key}": text}


def _flat(data: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {
        f"{item['interface']}_{way}_{key}": str(value)
        for item in data
        for way in WAYS
        for key, value in item[way].items()
    }
