"""The sample store on InfluxDB 1.x, 2.x or 3.x: line protocol in, InfluxQL out."""

from pilothouse_common.store.samples.influxdb.store import InfluxSampleStore

__all__ = ["InfluxSampleStore"]
