"""Events: decoded, then recorded with everything that follows from them in one transaction."""

from collections.abc import Sequence

from pilothouse_common.contract.events import Event, decode_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import decompress
from pilothouse_common.contract.topology import INGEST_EVENTS
from pilothouse_common.errors import Malformed
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.records.recording import record_events


class EventsHandler:
    """Writes to the record store."""

    queue = INGEST_EVENTS

    def __init__(self, records: Records, *, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._migrated = False

    def read(self, message: Message) -> Event:
        """Decode one event."""
        if message.content_encoding not in ("", "gzip"):
            raise Malformed(
                f"event: content encoding {message.content_encoding[:40]!r}; send gzip, or none"
            )
        packed = message.content_encoding == "gzip"
        return decode_event(decompress(message.body) if packed else message.body)

    def write(self, items: Sequence[Event]) -> None:
        """Record the events in one transaction."""
        with self._records.session() as session:
            record_events(session, items, now=self._clock.now())

    def inspect(self, item: Event) -> None:
        """Nothing is left to find: read() has decoded it."""

    def newest(self, items: Sequence[Event]) -> float:
        """Return the newest time of the events."""
        return max(event.time.timestamp() for event in items)

    def prepare(self) -> None:
        """Bring the tables to the newest version once, then only look whether they answer."""
        if self._migrated:
            self._records.check()
        else:
            self._records.migrate()
            self._migrated = True
