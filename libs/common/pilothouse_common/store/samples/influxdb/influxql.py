"""InfluxQL text: quoting, and the statements that answer the port's questions.

Source: InfluxDB 1.8 documentation, "InfluxQL reference" and "InfluxQL functions". Only what 1.x, 2.x
and 3.x all answer is used.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

from pilothouse_common.store.samples.port import Aggregate, Selection

PARTS = 'hostname, "type-id", "stype-id"'
"""What tells the series of a selection apart."""
_FUNCTIONS: dict[Aggregate, str] = {
    "avg": "mean", "sum": "sum", "min": "min", "max": "max", "count": "count",
}  # fmt: skip


def identifier(name: str) -> str:
    """Quote a measurement, tag or database name."""
    return f'"{_escaped(name, chr(34))}"'


def literal(text: str) -> str:
    """Quote a string."""
    return f"'{_escaped(text, chr(39))}'"


def series_statement(
    selection: Selection, resolution_seconds: int, within: Aggregate, over_nodes: Aggregate | None
) -> str:
    """Return the statement of values ``v`` on a grid, per part or combined over all of them."""
    grid = f"time({resolution_seconds}s)"
    inner = (
        f"SELECT {_FUNCTIONS[within]}(value) AS v FROM {identifier(selection.metric)} "
        f"WHERE {where(selection)} GROUP BY {grid}, {PARTS} fill(none)"
    )
    if over_nodes is None:
        return inner
    # Buckets carry the time of their start, which for the first one may lie before the selection's.
    first = _second(selection.start) // resolution_seconds * resolution_seconds
    return (
        f"SELECT {_FUNCTIONS[over_nodes]}(v) AS v FROM ({inner}) "
        f"WHERE time >= {first}s AND time < {_second(selection.end)}s GROUP BY {grid} fill(none)"
    )


def last_statement(cluster: str, metrics: Sequence[str], since: datetime, hostname: str) -> str:
    """Return the statement of the newest value of every node-level series."""
    names = ", ".join(identifier(name) for name in metrics)
    conditions = [
        f"cluster = {literal(cluster)}",
        "type = 'node'",
        "jobid = ''",
        f"time >= {_second(since)}s",
    ]
    if hostname:
        conditions.append(f"hostname = {literal(hostname)}")
    return f"SELECT last(value) AS v FROM {names} WHERE {' AND '.join(conditions)} GROUP BY {PARTS}"


def metrics_statement(cluster: str, since: datetime, hostname: str) -> str:
    """Return the statement with one row for each measurement that has samples."""
    also = f" AND hostname = {literal(hostname)}" if hostname else ""
    return (
        f"SELECT last(value) AS v FROM /.+/ WHERE cluster = {literal(cluster)} "
        f"AND time >= {_second(since)}s{also}"
    )


def statistics_statement(selection: Selection, *, over_nodes: bool) -> str:
    """Return the statement of minimum, maximum, average and count."""
    group = "" if over_nodes else " GROUP BY hostname"
    return (
        "SELECT min(value) AS low, max(value) AS high, mean(value) AS middle, count(value) AS n "
        f"FROM {identifier(selection.metric)} WHERE {where(selection)}{group}"
    )


def distribution_statement(selection: Selection, quantiles: Iterable[float]) -> str:
    """Return the statement of the count ``n`` and the quantiles ``q0``, ``q1``, …."""
    columns = "".join(
        f", percentile(value, {quantile * 100!r}) AS q{number}"
        for number, quantile in enumerate(quantiles)
    )
    return (
        f"SELECT count(value) AS n, min(value) AS low{columns} "
        f"FROM {identifier(selection.metric)} WHERE {where(selection)}"
    )


def where(selection: Selection) -> str:
    """Return the condition of a selection."""
    conditions = [
        f"cluster = {literal(selection.cluster)}",
        f"type = {literal(selection.type)}",
        f"jobid = {literal(selection.jobid)}",
        f"time >= {_second(selection.start)}s",
        f"time < {_second(selection.end)}s",
    ]
    if selection.stype_id:
        conditions.append(f'"stype-id" = {literal(selection.stype_id)}')
    if selection.whole:
        conditions.append("\"stype-id\" = ''")
    if selection.hostnames:
        either = " OR ".join(f"hostname = {literal(name)}" for name in selection.hostnames)
        conditions.append(f"({either})")
    return " AND ".join(conditions)


def _second(time: datetime) -> int:
    """Round up: samples lie on whole seconds."""
    return math.ceil(time.timestamp())


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")
