"""SQL that answers the port's questions; every value is a parameter, never text."""

import math
from collections.abc import Sequence
from datetime import datetime

from pilothouse_common.store.samples.port import Aggregate, Selection

Query = tuple[str, list[object]]
FEW = 64
"""Series that are asked for by their numbers."""


def series_query(
    selection: Selection, resolution_seconds: int, within: Aggregate, over_nodes: Aggregate | None
) -> Query:
    """Return rows (hostname, type_id, stype_id, times, values)."""
    condition, values = _where(selection)
    buckets = f"""
        SELECT hostname, type_id, stype_id, time - (time % ? + ?) % ? AS start, {within}(value) AS v
        FROM points JOIN series USING (series) WHERE {condition} GROUP BY ALL
    """
    if over_nodes is not None:
        buckets = f"""
            SELECT '' AS hostname, '' AS type_id, '' AS stype_id, start, {over_nodes}(v) AS v
            FROM ({buckets}) GROUP BY ALL
        """
    statement = f"""
        SELECT hostname, type_id, stype_id, list(start ORDER BY start), list(v ORDER BY start)
        FROM ({buckets}) GROUP BY ALL
    """
    return statement, [resolution_seconds] * 3 + values


def numbered_query(
    numbers: Sequence[int], selection: Selection, resolution_seconds: int, within: Aggregate
) -> Query:
    """Return rows (series, start, value) of few series by their numbers, in order."""
    few = ", ".join(str(int(number)) for number in numbers)
    statement = f"""
        SELECT series, time - (time % ? + ?) % ? AS start, {within}(value) FROM points
        WHERE series IN ({few}) AND time >= ? AND time < ? GROUP BY series, start ORDER BY series, start
    """
    window: list[object] = [second(selection.start), second(selection.end)]
    return statement, [resolution_seconds] * 3 + window


def statistics_query(selection: Selection, *, over_nodes: bool) -> Query:
    """Return rows (hostname, min, max, avg, count)."""
    condition, values = _where(selection)
    name = "''" if over_nodes else "hostname"
    statement = f"""
        SELECT {name} AS node, min(value), max(value), avg(value), count(*)
        FROM points JOIN series USING (series) WHERE {condition} GROUP BY node
    """
    return statement, values


def count_query(selection: Selection) -> Query:
    """Return one row (number of raw samples)."""
    condition, values = _where(selection)
    return f"SELECT count(*) FROM points JOIN series USING (series) WHERE {condition}", values


def quantiles_query(selection: Selection, ranks: Sequence[int], count: int) -> Query:
    """Return one row (list of the samples with these ranks, 1 being the smallest).

    quantile_disc(q) is sample number ceil(q * count): half a sample below asks for exactly one.
    """
    condition, values = _where(selection)
    wanted = ", ".join(repr((rank - 0.5) / count) for rank in ranks)
    statement = f"""
        SELECT quantile_disc(value, [{wanted}])
        FROM points JOIN series USING (series) WHERE {condition}
    """
    return statement, values


def _where(selection: Selection) -> Query:
    conditions = [
        "cluster = ?", "metric = ?", "type = ?", "jobid = ?", "time >= ?", "time < ?"
    ]  # fmt: skip
    values: list[object] = [
        selection.cluster,
        selection.metric,
        selection.type,
        selection.jobid,
        second(selection.start),
        second(selection.end),
    ]
    if selection.stype_id:
        conditions.append("stype_id = ?")
        values.append(selection.stype_id)
    if selection.whole:
        conditions.append("stype_id = ''")
    if selection.hostnames:
        conditions.append("hostname IN (SELECT unnest(?))")
        values.append(list(selection.hostnames))
    return " AND ".join(conditions), values


def second(time: datetime) -> int:
    """Return the first whole second not before: samples lie on whole seconds."""
    return math.ceil(time.timestamp())
