"""Writes: append what is newer than its series, replace what is not. One transaction per batch.

Nearly every point is newer than the last one of its series and is appended without looking. The rest
(redelivered, late from a spool, twice in one batch) is first deleted and then written again, so the
value written last stays, as in InfluxDB.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from pilothouse_common.errors import Rejected
from pilothouse_common.store.samples.duckdb.index import NEVER, SeriesIndex
from pilothouse_common.store.samples.duckdb.parser import Columns, Parser
from pilothouse_common.store.samples.duckdb.schema import SeriesKey

_APPEND = "INSERT INTO points SELECT series, time, value FROM batch"
_DELETE = """
DELETE FROM points USING batch
WHERE points.series = batch.series AND points.time = batch.time AND points.time BETWEEN ? AND ?
"""


class Writer:
    """Writes through one connection; its caller holds a lock."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._parser = Parser(self._number_of)
        self.index = SeriesIndex()
        """What is stored, for questions."""
        self._load()

    def write(self, bodies: Sequence[bytes]) -> None:
        """Store all good lines durably, then raise Rejected when there were others.

        After any other exception this writer is of no use any more: close the connection.
        """
        columns = self._parser.parse(bodies)
        self._connection.execute("BEGIN")
        self._store_series()
        self._store_points(columns)
        self._connection.execute("COMMIT")
        for number in range(len(self.index.keys), len(self._newest)):
            self.index.add(SeriesKey._make(self._new[number - len(self._newest)][1:]))
        self._new.clear()
        self.index.stored(columns.series, columns.times, columns.values)
        if columns.refused:
            raise Rejected(columns.refusal())

    def _number_of(self, key: SeriesKey) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._newest)
            self._newest.append(NEVER)
            self._new.append((number, *key))
        return number

    def _store_series(self) -> None:
        if self._new:
            names = ("series", *SeriesKey._fields)
            columns = dict(zip(names, map(list, zip(*self._new, strict=True)), strict=True))
            self._insert("INSERT INTO series SELECT * FROM batch", pa.table(columns))

    def _store_points(self, columns: Columns) -> None:
        newest = self._newest
        series: list[int] = []
        times: list[int] = []
        values: list[float] = []
        late: dict[tuple[int, int], float] = {}
        for number, time, value in zip(columns.series, columns.times, columns.values, strict=True):
            if time > newest[number]:
                newest[number] = time
                series.append(number)
                times.append(time)
                values.append(value)
            else:
                late[number, time] = value
        if series:
            self._insert(_APPEND, _points(series, times, values))
        if late:
            seconds = [time for _, time in late]
            table = _points([number for number, _ in late], seconds, list(late.values()))
            self._insert(_DELETE, table, [min(seconds), max(seconds)])
            self._insert(_APPEND, table)

    def _insert(self, statement: str, batch: pa.Table, values: Sequence[int] = ()) -> None:
        self._connection.register("batch", batch)
        try:
            self._connection.execute(statement, list(values))
        finally:
            self._connection.unregister("batch")

    def _load(self) -> None:
        """Read what the file holds: series, and the newest second of each."""
        rows = self._connection.execute("SELECT * FROM series ORDER BY series").fetchall()
        self._numbers = {SeriesKey(*row[1:]): row[0] for row in rows}
        self._new: list[tuple[int | str, ...]] = []
        found = self._connection.execute(
            "SELECT series, max(time), arg_max(value, time) FROM points GROUP BY series"
        )
        newest = {number: (time, value) for number, time, value in found.fetchall()}
        for number, *key in rows:
            self.index.add(SeriesKey(*key), *newest.get(number, (NEVER, 0.0)))
        self._newest = [newest.get(row[0], (NEVER, 0.0))[0] for row in rows]


def _points(series: list[int], times: list[int], values: list[float]) -> pa.Table:
    return pa.table(
        {
            "series": pa.array(series, pa.int32()),
            "time": pa.array(times, pa.int64()),
            "value": pa.array(values, pa.float64()),
        }
    )
