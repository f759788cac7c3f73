"""A sample store from its URL; the library of an adapter is loaded only when it is the one."""

from pilothouse_common.errors import ConfigError
from pilothouse_common.store.samples.port import SampleStore


def open_sample_store(url: str) -> SampleStore:
    """Return the store that a URL names.

    ``influxdb://[TOKEN@|USER:PASSWORD@]HOST:PORT/BUCKET?org=ORG`` (``influxdb+https`` with TLS), or
    ``duckdb:///DIRECTORY/FILE``.

    Raises:
        ConfigError: One line that says what is wrong, without any secret.
    """
    scheme = url.partition(":")[0]
    if scheme in ("influxdb", "influxdb+https"):
        from pilothouse_common.store.samples.influxdb import InfluxSampleStore

        return InfluxSampleStore(url)
    if scheme == "duckdb":
        try:
            from pilothouse_common.store.samples.duckdb import DuckSampleStore
        except ImportError as exc:
            raise ConfigError(
                "sample store: duckdb is not installed here; install pilothouse-common[duckdb], "
                "or use influxdb://HOST:PORT/BUCKET?org=ORG"
            ) from exc

        return DuckSampleStore(url)
    raise ConfigError(
        f"sample store: unknown scheme {scheme[:20]!r}; use influxdb://HOST:PORT/BUCKET?org=ORG, "
        "influxdb+https://… or duckdb:///PATH"
    )
