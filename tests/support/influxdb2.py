"""InfluxDB 2 in a container: Debian does not have it."""

from collections.abc import Iterator

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from tests.support.influxdb import new_bucket

IMAGE = "influxdb:2.7"
_TOKEN = "a-token-for-tests"


@pytest.fixture(scope="session")
def influx2_server() -> Iterator[str]:
    """Host and port of a server with organisation ``lab`` and a token."""
    container = (
        DockerContainer(IMAGE)
        .with_exposed_ports(8086)
        .with_env("DOCKER_INFLUXDB_INIT_MODE", "setup")
        .with_env("DOCKER_INFLUXDB_INIT_USERNAME", "admin")
        .with_env("DOCKER_INFLUXDB_INIT_PASSWORD", "only-for-tests")
        .with_env("DOCKER_INFLUXDB_INIT_ORG", "lab")
        .with_env("DOCKER_INFLUXDB_INIT_BUCKET", "first")
        .with_env("DOCKER_INFLUXDB_INIT_ADMIN_TOKEN", _TOKEN)
        .waiting_for(LogMessageWaitStrategy("Listening").with_startup_timeout(120))
    )
    with container:
        yield f"{container.get_container_host_ip()}:{container.get_exposed_port(8086)}"


@pytest.fixture
def influx2_url(influx2_server: str) -> str:
    """URL of a bucket of its own."""
    from influxdb_client import InfluxDBClient

    bucket = new_bucket()
    with InfluxDBClient(f"http://{influx2_server}", token=_TOKEN, org="lab") as client:
        client.buckets_api().create_bucket(bucket_name=bucket, org="lab")
    return f"influxdb://{_TOKEN}@{influx2_server}/{bucket}?org=lab"
