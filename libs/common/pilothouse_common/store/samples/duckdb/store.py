"""The adapter: one file, one connection that writes, and one for each question beside it."""

import threading
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb

from pilothouse_common.errors import ConfigError, Rejected, StoreUnavailable
from pilothouse_common.store.samples.duckdb import questions
from pilothouse_common.store.samples.duckdb.index import SeriesIndex
from pilothouse_common.store.samples.duckdb.schema import TABLES
from pilothouse_common.store.samples.duckdb.writer import Writer
from pilothouse_common.store.samples.order import part_order
from pilothouse_common.store.samples.port import (
    Aggregate,
    Distribution,
    Last,
    Selection,
    Series,
    Statistics,
)

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1GB",
    "threads": 2,
    "preserve_insertion_order": False,
}


class DuckSampleStore:
    """A SampleStore in one file; ``duckdb:///DIRECTORY/FILE`` (three slashes: an absolute path).

    Raises:
        ConfigError: The path cannot be used, or another process owns the file.
    """

    def __init__(self, url: str) -> None:
        self._path = _path_of(url)
        self._writing = threading.Lock()
        self._lock = threading.Lock()  # never held while something is written or asked
        self._closed = False
        try:
            self._open()
        except StoreUnavailable as exc:
            raise ConfigError(str(exc)) from exc

    def write(self, bodies: Sequence[bytes]) -> None:
        """Parse and store; see SampleStore.write."""
        with self._writing:
            with self._lock:
                self._usable()
                self._broken = True  # unless the write ends in a way that leaves the writer sound
            try:
                self._writer.write(bodies)
            except Rejected:
                self._broken = False
                raise
            except duckdb.Error as exc:
                raise self._failed(exc) from exc
            self._broken = False

    def series(
        self,
        selection: Selection,
        *,
        resolution_seconds: int,
        within: Aggregate = "avg",
        over_nodes: Aggregate | None = None,
    ) -> list[Series]:
        """See SampleStore.series."""
        index = self._index()
        numbers = index.numbers(selection)
        if not numbers:
            return []
        keys = [index.keys[number] for number in numbers]
        parts = {(key.hostname, key.type_id, key.stype_id) for key in keys}
        if over_nodes is None and len(parts) == len(keys) <= questions.FEW:
            found = self._by_number(index, numbers, selection, resolution_seconds, within)
        else:
            query = questions.series_query(selection, resolution_seconds, within, over_nodes)
            found = [
                Series(hostname, type_id, stype_id, tuple(times), tuple(map(float, values)))
                for hostname, type_id, stype_id, times, values in self._ask(query)
            ]
        return sorted(found, key=lambda s: part_order(s.hostname, s.type_id, s.stype_id))

    def last(
        self, cluster: str, metrics: Sequence[str], *, since: datetime, hostname: str = ""
    ) -> list[Last]:
        """See SampleStore.last."""
        rows = self._index().last(
            cluster, metrics, since=questions.second(since), hostname=hostname
        )
        return sorted(
            rows, key=lambda x: (*part_order(x.hostname, x.type_id, x.stype_id), x.metric)
        )

    def statistics(self, selection: Selection, *, over_nodes: bool = False) -> list[Statistics]:
        """See SampleStore.statistics."""
        rows = self._ask(questions.statistics_query(selection, over_nodes=over_nodes))
        return sorted((Statistics(*row) for row in rows), key=lambda s: s.hostname)

    def distribution(self, selection: Selection, quantiles: Sequence[float]) -> Distribution:
        """See SampleStore.distribution."""
        count = self._ask(questions.count_query(selection))[0][0]
        if not count:
            return Distribution(tuple(quantiles), (), 0)
        ranks = [max(1, int(quantile * count + 0.5)) for quantile in quantiles]
        found = self._ask(questions.quantiles_query(selection, ranks, count))[0][0]
        return Distribution(tuple(quantiles), tuple(found), count)

    def metrics(self, cluster: str, *, since: datetime, hostname: str = "") -> list[str]:
        """See SampleStore.metrics."""
        since_second = questions.second(since)
        return self._index().metrics(cluster, since=since_second, hostname=hostname)

    def check(self) -> None:
        """Raise StoreUnavailable when it cannot be used now; open it anew after a failed write."""
        if self._writing.acquire(blocking=False):
            try:
                with self._lock:
                    self._usable()
            finally:
                self._writing.release()
        self._ask(("SELECT 1", []))

    def close(self) -> None:
        """Write the file out and give it up; a write that has begun ends first."""
        with self._writing, self._lock:
            if not self._closed:
                self._closed = True
                self._close()

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._root = duckdb.connect(str(self._path), config=_SETTINGS)
            self._root.execute(TABLES)
            self._write_connection = self._root.cursor()
            self._writer = Writer(self._write_connection)
        except (duckdb.Error, OSError) as exc:
            reason = str(exc).partition("\n")[0]
            raise StoreUnavailable(f"sample store {self._path}: {reason}") from exc
        self._broken = False

    def _close(self) -> None:
        self._write_connection.close()
        self._root.close()

    def _ask(self, query: questions.Query) -> list[tuple[Any, ...]]:
        with self._lock:
            if self._closed:
                raise self._is_closed()
            cursor = self._root.cursor()
        try:
            return cursor.execute(*query).fetchall()
        except duckdb.Error as exc:
            raise self._failed(exc) from exc
        finally:
            cursor.close()

    def _by_number(
        self,
        index: SeriesIndex,
        numbers: Sequence[int],
        selection: Selection,
        resolution_seconds: int,
        within: Aggregate,
    ) -> list[Series]:
        query = questions.numbered_query(numbers, selection, resolution_seconds, within)
        found = []
        for number, rows in groupby(self._ask(query), key=itemgetter(0)):
            key = index.keys[number]
            _, times, values = zip(*rows, strict=True)
            found.append(
                Series(key.hostname, key.type_id, key.stype_id, times, tuple(map(float, values)))
            )
        return found

    def _index(self) -> SeriesIndex:
        with self._lock:
            if self._closed:
                raise self._is_closed()
            return self._writer.index

    def _usable(self) -> None:
        if self._closed:
            raise self._is_closed()
        if self._broken:  # what the failed write began goes with its connection
            self._close()
            self._open()

    def _is_closed(self) -> StoreUnavailable:
        return StoreUnavailable(f"sample store {self._path}: closed")

    def _failed(self, exc: duckdb.Error) -> StoreUnavailable:
        return StoreUnavailable(f"sample store {self._path}: {exc}")


def _path_of(url: str) -> Path:
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if parts.netloc or not path.is_absolute() or path.name == "" or parts.query:
        raise ConfigError(f"sample store: {url!r} is not of the form duckdb:///DIRECTORY/FILE")
    return path
