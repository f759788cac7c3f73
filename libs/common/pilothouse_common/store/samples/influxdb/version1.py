"""InfluxDB 1.x, and 3.x through the endpoints it keeps for clients of 1.x."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pilothouse_common.store.samples.influxdb.influxql import identifier

if TYPE_CHECKING:
    from pilothouse_common.store.samples.influxdb.connection import Connection

_HEADERS = {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"}


class Version1:
    """``/write`` and ``/query``; makes the database where it is missing (3.x does so itself)."""

    def __init__(self, connection: "Connection", *, create_database: bool) -> None:
        self._connection = connection
        bucket = connection.address.bucket
        self._path = f"/write?{urlencode({'db': bucket, 'precision': 's'})}"
        if create_database:
            known = {value[0] for row in connection.ask("SHOW DATABASES") for value in row.values}
            if bucket not in known:
                connection.ask(f"CREATE DATABASE {identifier(bucket)}")

    def write(self, body: bytes) -> None:
        """Post gzip line protocol in seconds."""
        self._connection.request("POST", self._path, body=body, headers=_HEADERS)

    def prepare_query(self) -> None:
        """Nothing to do: a database is what InfluxQL asks."""
