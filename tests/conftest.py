"""Fixtures of real servers, shared by all tests."""

pytest_plugins = [
    "tests.support.brokers",
    "tests.support.api",
    "tests.support.compose",
    "tests.support.engine",
    "tests.support.influxdb",
    "tests.support.influxdb2",
    "tests.support.ingest",
    "tests.support.page",
    "tests.support.postgres",
    "tests.support.rabbitmq",
    "tests.support.slurm",
    "tests.support.stack",
]
