"""What ingest says of itself at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_LABEL = ["queue"]


class IngestMetrics:
    """Own metrics, by queue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Counter(
            "pilothouse_ingest_messages",
            "Messages that a store has acknowledged.",
            _LABEL,
            registry=registry,
        )
        self.bytes = Counter(
            "pilothouse_ingest_bytes",
            "Bytes of those messages as they came.",
            _LABEL,
            registry=registry,
        )
        self.batches = Counter(
            "pilothouse_ingest_batches", "Batches settled.", _LABEL, registry=registry
        )
        self.dead_letters = Counter(
            "pilothouse_ingest_dead_letters",
            "Messages refused, by decoder or store.",
            _LABEL,
            registry=registry,
        )
        self.waits = Counter(
            "pilothouse_ingest_store_waits",
            "Writes that found their store away and are tried again.",
            _LABEL,
            registry=registry,
        )
        self.write_seconds = Histogram(
            "pilothouse_ingest_write_seconds",
            "Time of one write.",
            _LABEL,
            buckets=_BUCKETS,
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "pilothouse_ingest_lag_seconds",
            "Age of the newest thing in the last batch when the store had it.",
            _LABEL,
            registry=registry,
        )
