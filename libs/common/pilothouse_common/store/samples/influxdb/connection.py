"""HTTP to InfluxDB: one keep-alive pool, its answers and failures mapped to ours, and the probe.

Sources: InfluxDB 1.8 "API reference", 2.x "InfluxDB 1.x compatibility API", 3 Core "compatibility APIs".
"""

import threading
from collections.abc import Mapping
from typing import Protocol

import urllib3

from pilothouse_common.errors import StoreUnavailable
from pilothouse_common.store.samples.influxdb.address import Address
from pilothouse_common.store.samples.influxdb.answers import Row, read_rows, refusal
from pilothouse_common.store.samples.influxdb.version1 import Version1


class Version(Protocol):
    """What differs between the versions of the server."""

    def write(self, body: bytes) -> None:
        """Post gzip line protocol in seconds."""

    def prepare_query(self) -> None:
        """Make the bucket visible to InfluxQL."""


class Connection:
    """Talks to one server; finds out at first use, and after each outage, which version it is."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._timeout = urllib3.Timeout(
            connect=min(5.0, address.timeout_seconds), read=address.timeout_seconds
        )
        self._pool = urllib3.PoolManager(maxsize=64, retries=False)
        self._headers = _credentials(address)
        self._lock = threading.Lock()
        self._version: Version | None = None

    def write(self, body: bytes) -> None:
        """Post gzip line protocol in seconds; return when the server has it."""
        try:
            self._negotiated().write(body)
        except StoreUnavailable:
            self._forget()
            raise

    def query(self, statement: str) -> list[Row]:
        """Return the series of one InfluxQL statement, times in Unix seconds."""
        try:
            self._negotiated().prepare_query()
            return self.ask(statement)
        except StoreUnavailable:
            self._forget()
            raise

    def ask(self, statement: str) -> list[Row]:
        """Send one InfluxQL statement as it is."""
        fields = {"db": self.address.bucket, "q": statement, "epoch": "s"}
        return read_rows(self.request("POST", "/query", fields=fields))

    def check(self) -> None:
        """Raise StoreUnavailable when the server does not take our requests."""
        self._negotiated()
        self.request("GET", "/ping")

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of a 2xx answer, else raise StoreUnavailable or Rejected (see refusal)."""
        return self._request(method, path, body, fields, headers).data

    def close(self) -> None:
        """Close the pool."""
        self._pool.clear()

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        form = {"encode_multipart": False} if fields and method == "POST" else {}
        try:
            answer = self._pool.request(
                method,
                self.address.base_url + path,
                body=body,
                fields=dict(fields) if fields else None,
                headers={**self._headers, **(headers or {})},
                timeout=self._timeout,
                **form,
            )
        except urllib3.exceptions.HTTPError as exc:
            raise StoreUnavailable(f"InfluxDB {self.address.base_url}: {exc}") from exc
        if answer.status >= 300:
            raise refusal(answer.status, answer.data)
        return answer

    def _negotiated(self) -> Version:
        with self._lock:
            if self._version is None:
                self._version = self._choose(self.address.api or self._probe())
            return self._version

    def _forget(self) -> None:
        with self._lock:
            self._version = None

    def _probe(self) -> int:
        version = self._request("GET", "/ping").headers.get("X-Influxdb-Version", "")
        major = version.removeprefix("v").partition(".")[0]
        if major in ("1", "2", "3"):
            return int(major)
        raise StoreUnavailable(
            f"InfluxDB {self.address.base_url}: /ping names version {version!r}; behind a proxy that "
            "hides it set api=1, 2 or 3 in the URL"
        )

    def _choose(self, api: int) -> Version:
        if api == 2:
            # influxdb-client takes 0.4 s and 20 MB to import: only where it is needed.
            from pilothouse_common.store.samples.influxdb.version2 import Version2

            return Version2(self)
        return Version1(self, create_database=api == 1)


def _credentials(address: Address) -> dict[str, str]:
    if address.token:
        return {"Authorization": f"Token {address.token}"}
    if address.username:
        basic = f"{address.username}:{address.password}"
        return dict(urllib3.make_headers(basic_auth=basic))
    return {}
