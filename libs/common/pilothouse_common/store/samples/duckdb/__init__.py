"""The embedded sample store: one DuckDB file, owned by one process."""

from pilothouse_common.store.samples.duckdb.store import DuckSampleStore

__all__ = ["DuckSampleStore"]
