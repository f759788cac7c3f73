"""A private InfluxDB: its own directory and port, so that tests may kill it.

``PILOTHOUSE_TEST_INFLUXDB_URL`` (``influxdb://…/any-bucket?…``) names a server that stands already; the
tests that kill and restart use a private one all the same.
"""

import os
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.process import Program, free_port
from tests.support.provide import program

URL_VARIABLE = "PILOTHOUSE_TEST_INFLUXDB_URL"

_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{directory}/meta"
  logging-enabled = false
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
  index-version = "tsi1"
  query-log-enabled = false
  max-series-per-database = 0
  max-values-per-tag = 0
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[logging]
  level = "warn"
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
[subscriber]
  enabled = false
"""


class InfluxServer:
    """One ``influxd`` 1.x with everything below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        config = directory / "influxdb.conf"
        config.write_text(_CONFIG.format(directory=directory, port=self.port, rpc_port=free_port()))
        binary = program("influxd", packages=["influxdb"], dirs=["/usr/sbin"])
        self._program = Program(
            [binary, "-config", str(config)],
            log=directory / "influxd.log",
            env={"HOME": str(directory)},
        )

    def start(self) -> "InfluxServer":
        self._program.start().wait_ready(self._answers, within=30)
        return self

    def stop(self) -> None:
        self._program.stop()

    def kill(self) -> None:
        """SIGKILL: what was acknowledged must survive."""
        self._program.kill()

    def restart(self) -> None:
        self.kill()
        self.start()

    def url(self, bucket: str = "") -> str:
        """Return the sample store URL of a bucket (default: one that nobody else uses)."""
        return f"influxdb://127.0.0.1:{self.port}/{bucket or new_bucket()}"

    def _answers(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=2) as answer:
            return bool(answer.status == 204)


def new_bucket() -> str:
    return f"pilothouse_{uuid.uuid4().hex[:12]}"


def running_influx_server() -> Iterator[InfluxServer]:
    """Yield a private server; used by fixtures and by the benchmark."""
    with tempfile.TemporaryDirectory(prefix="influx-", dir="/var/tmp") as directory:
        server = InfluxServer(Path(directory)).start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def influx_server() -> Iterator[InfluxServer]:
    """A private server shared by the session; each test takes a bucket of its own."""
    yield from running_influx_server()


@pytest.fixture(scope="session")
def influx_base_url(request: pytest.FixtureRequest) -> str:
    """The URL, without bucket, of the server named in the environment or of the private one."""
    given = os.environ.get(URL_VARIABLE, "")
    if given:
        return given
    server: InfluxServer = request.getfixturevalue("influx_server")
    return server.url("x")


def with_bucket(url: str, bucket: str) -> str:
    """Return a sample store URL with another bucket."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{bucket}"))
