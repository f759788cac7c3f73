"""The sender's own metrics, for /metrics with --follow."""

from collections.abc import Callable

from pilothouse_common.broker.drain import Drained
from prometheus_client import CollectorRegistry, Counter


class SenderMetrics:
    """Counters over all spools."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._messages = Counter(
            "pilothouse_sender_messages", "messages delivered", registry=self.registry
        )
        self._bytes = Counter(
            "pilothouse_sender_bytes", "bytes of their bodies", registry=self.registry
        )
        self._quarantined = Counter(
            "pilothouse_sender_quarantined", "files put in quarantine", registry=self.registry
        )

    def of_drain(self) -> Callable[[Drained], None]:
        """Return the progress function of one drain() call, whose counts begin at zero."""
        before = Drained()

        def update(done: Drained) -> None:
            self._messages.inc(done.delivered - before.delivered)
            self._bytes.inc(done.bytes - before.bytes)
            self._quarantined.inc(done.quarantined - before.quarantined)
            before.delivered, before.bytes = done.delivered, done.bytes
            before.quarantined = done.quarantined

        return update
