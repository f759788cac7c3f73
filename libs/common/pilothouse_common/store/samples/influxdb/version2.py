"""InfluxDB 2.x: writes with influxdb-client, and the mapping that shows a bucket to InfluxQL."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
import urllib3
from influxdb_client import InfluxDBClient, WriteService
from influxdb_client.rest import ApiException

from pilothouse_common.errors import StoreUnavailable
from pilothouse_common.store.samples.influxdb.answers import refusal

if TYPE_CHECKING:
    from pilothouse_common.store.samples.influxdb.connection import Connection


class Version2:
    """``/api/v2/write`` through the client's own service call, which leaves the body as it is.

    Its WriteApi would compress again: ``enable_gzip`` is off and the header says what we send.
    """

    def __init__(self, connection: "Connection") -> None:
        address = connection.address
        self._connection = connection
        self._address = address
        self._client = InfluxDBClient(
            address.base_url,
            token=address.token or None,
            org=address.org,
            timeout=int(address.timeout_seconds * 1000),
            enable_gzip=False,
            connection_pool_maxsize=16,
        )
        self._writes = WriteService(self._client.api_client)
        self._mapped = False

    def write(self, body: bytes) -> None:
        """Post gzip line protocol in seconds."""
        org, bucket = self._address.org, self._address.bucket
        try:
            self._writes.post_write(org, bucket, body, precision="s", content_encoding="gzip")
        except ApiException as exc:
            raise refusal(exc.status, (exc.body or str(exc.reason)).encode()) from exc
        except urllib3.exceptions.HTTPError as exc:
            raise StoreUnavailable(f"InfluxDB {self._address.base_url}: {exc}") from exc

    def prepare_query(self) -> None:
        """Map the bucket to a database of the same name where the server has not done so."""
        if self._mapped:
            return
        org, bucket = self._address.org, self._address.bucket
        if not self._get("/api/v2/dbrps", org=org, db=bucket).get("content"):
            found = self._get("/api/v2/buckets", org=org, name=bucket).get("buckets")
            if not found:
                raise StoreUnavailable(f"InfluxDB: no bucket {bucket!r} in organisation {org!r}")
            wish = {
                "org": org,
                "bucketID": found[0]["id"],
                "database": bucket,
                "retention_policy": "autogen",
                "default": True,
            }
            self._connection.request(
                "POST",
                "/api/v2/dbrps",
                body=msgspec.json.encode(wish),
                headers={"Content-Type": "application/json"},
            )
        self._mapped = True

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        data = self._connection.request("GET", f"{path}?{urlencode(params)}")
        return msgspec.json.decode(data, type=dict[str, Any])
