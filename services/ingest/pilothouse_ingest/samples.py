"""Samples: bodies go to the store as they came; what can be judged without unpacking is judged here."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime

from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import decompress, newest_time
from pilothouse_common.contract.topology import INGEST_SAMPLES
from pilothouse_common.errors import Malformed, Rejected
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.samples.port import SampleStore

from pilothouse_ingest.nodes import NodeRegister

MAX_UNPACKED_BYTES = 64 << 20


class SamplesHandler:
    """Writes to the sample store.

    Args:
        store: The sample store.
        clock: What time it is here.
        nodes: Told of every host.
        max_future_seconds: How far ahead the newest sample of a message may be.
    """

    queue = INGEST_SAMPLES

    def __init__(
        self, store: SampleStore, *, clock: Clock, nodes: NodeRegister, max_future_seconds: int
    ) -> None:
        self._store = store
        self._nodes = nodes
        self._clock = clock
        self._max_future_seconds = max_future_seconds

    def read(self, message: Message) -> bytes:
        """Return the body as one or more gzip members that look sound from outside."""
        body = message.body
        if message.content_encoding == "":
            body = _compressed(body)
        elif message.content_encoding != "gzip":
            raise Malformed(
                f"samples: content encoding {message.content_encoding[:40]!r}; send gzip, or none"
            )
        ahead = newest_time(body) - self._clock.now().timestamp()
        if ahead > self._max_future_seconds:
            raise Rejected(
                f"samples of {message.routing_key}: newest at {_shown(newest_time(body))}, {ahead:.0f} s "
                f"ahead of this clock; at most {self._max_future_seconds} s: set the clock of that node"
            )
        unpacked = int.from_bytes(body[-4:], "little")  # RFC 1952: size of the last member
        if unpacked > MAX_UNPACKED_BYTES:
            raise Malformed(f"samples: {unpacked} bytes unpacked; at most {MAX_UNPACKED_BYTES}")
        self._nodes.note(message.routing_key)
        return body

    def write(self, items: Sequence[bytes]) -> None:
        """Store the bodies."""
        self._store.write(items)
        self._nodes.record()

    def inspect(self, item: bytes) -> None:
        """Unpack it: InfluxDB 2 answers 500 to a request with a gzip member that is cut off."""
        decompress(item, limit_bytes=MAX_UNPACKED_BYTES)

    def newest(self, items: Sequence[bytes]) -> float:
        """Return the newest time in the gzip headers; 0 where nobody says it."""
        return max(int.from_bytes(item[4:8], "little") for item in items)

    def prepare(self) -> None:
        """Raise StoreUnavailable when the store cannot be used now."""
        self._store.check()


def _compressed(text: bytes) -> bytes:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Malformed(f"samples: neither gzip nor UTF-8 text: {exc}") from exc
    return gzip.compress(text, compresslevel=1, mtime=0)


def _shown(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"
