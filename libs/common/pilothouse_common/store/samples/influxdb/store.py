"""The adapter: the port's questions as InfluxQL, writes as concatenated gzip members."""

import gzip
from collections.abc import Sequence
from datetime import datetime

from pilothouse_common.store.samples.influxdb import influxql
from pilothouse_common.store.samples.influxdb.address import parse_address
from pilothouse_common.store.samples.influxdb.connection import Connection
from pilothouse_common.store.samples.order import part_order
from pilothouse_common.store.samples.port import (
    Aggregate,
    Distribution,
    Last,
    Selection,
    Series,
    Statistics,
)

_NEWLINE = gzip.compress(b"\n", mtime=0)
"""A member between two bodies: a body that does not end in a newline must not eat the next line."""


class InfluxSampleStore:
    """A SampleStore on InfluxDB; see ``address.parse_address`` for the URL."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(parse_address(url))

    def write(self, bodies: Sequence[bytes]) -> None:
        """Post the members as they came, in one request."""
        if bodies:
            self._connection.write(_NEWLINE.join(bodies))

    def series(
        self,
        selection: Selection,
        *,
        resolution_seconds: int,
        within: Aggregate = "avg",
        over_nodes: Aggregate | None = None,
    ) -> list[Series]:
        """See SampleStore.series."""
        statement = influxql.series_statement(selection, resolution_seconds, within, over_nodes)
        found = [
            Series(
                row.tags.get("hostname", ""),
                row.tags.get("type-id", ""),
                row.tags.get("stype-id", ""),
                tuple(int(value[0]) for value in row.values),
                tuple(float(value[1]) for value in row.values),
            )
            for row in self._connection.query(statement)
        ]
        return sorted(found, key=lambda s: part_order(s.hostname, s.type_id, s.stype_id))

    def last(
        self, cluster: str, metrics: Sequence[str], *, since: datetime, hostname: str = ""
    ) -> list[Last]:
        """See SampleStore.last: one statement over all metrics."""
        if not metrics:
            return []
        statement = influxql.last_statement(cluster, metrics, since, hostname)
        found = [
            Last(
                row.tags.get("hostname", ""),
                row.name,
                row.tags.get("type-id", ""),
                row.tags.get("stype-id", ""),
                int(row.values[0][0]),
                float(row.values[0][1]),
            )
            for row in self._connection.query(statement)
        ]
        return sorted(
            found, key=lambda x: (*part_order(x.hostname, x.type_id, x.stype_id), x.metric)
        )

    def statistics(self, selection: Selection, *, over_nodes: bool = False) -> list[Statistics]:
        """See SampleStore.statistics."""
        rows = self._connection.query(
            influxql.statistics_statement(selection, over_nodes=over_nodes)
        )
        found = []
        for row in rows:
            _, low, high, middle, count = row.values[0]
            name = row.tags.get("hostname", "")
            found.append(Statistics(name, float(low), float(high), float(middle), int(count)))
        return sorted(found, key=lambda s: s.hostname)

    def distribution(self, selection: Selection, quantiles: Sequence[float]) -> Distribution:
        """See SampleStore.distribution."""
        rows = self._connection.query(influxql.distribution_statement(selection, quantiles))
        if not rows:
            return Distribution(tuple(quantiles), (), 0)
        _, count, low, *values = rows[0].values[0]
        # A quantile below half a sample has no value in InfluxQL: it is the first one.
        found = tuple(float(low if value is None else value) for value in values)
        return Distribution(tuple(quantiles), found, int(count))

    def metrics(self, cluster: str, *, since: datetime, hostname: str = "") -> list[str]:
        """See SampleStore.metrics."""
        rows = self._connection.query(influxql.metrics_statement(cluster, since, hostname))
        return sorted(row.name for row in rows)

    def check(self) -> None:
        """Raise StoreUnavailable when it cannot be used now."""
        self._connection.check()

    def close(self) -> None:
        """Release the connections."""
        self._connection.close()
