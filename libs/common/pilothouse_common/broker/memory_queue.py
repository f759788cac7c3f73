"""One queue of the in-process broker: bounded, ordered, with deliveries that must be settled."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange, Queue, topic_matches


class Receipt:
    """Counts the copies of published messages that durable queues have not yet seen the end of."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending = 0


@dataclass(slots=True)
class Entry:
    """One message in one queue."""

    message: Message
    headers: Mapping[str, str]
    receipt: Receipt | None = None
    delivery_count: int = 0

    @property
    def size(self) -> int:
        """Bytes that count against the queue's bound."""
        return len(self.message.body)


class MemoryQueue:
    """Ready entries in order. Not locked here: the broker's lock guards every call.

    Args:
        queue: Name, bindings and limits.
        max_bytes: Bound on the bytes of all entries, delivered ones included.
    """

    def __init__(self, queue: Queue, max_bytes: int) -> None:
        self.queue = queue
        self.consumers: list[object] = []
        self._max_bytes = max_bytes
        self._ready: deque[Entry] = deque()
        self._bytes = 0

    def takes(self, message: Message) -> bool:
        """Tell whether a binding matches."""
        return self.queue.exchange is message.exchange and any(
            topic_matches(key, message.routing_key) for key in self.queue.binding_keys
        )

    def has_room(self, message: Message) -> bool:
        """Tell whether the bound allows one more; an empty queue takes any message."""
        return not self._bytes or self._bytes + len(message.body) <= self._max_bytes

    def put(self, entry: Entry) -> None:
        """Append."""
        self._ready.append(entry)
        self._bytes += entry.size
        if entry.receipt:
            entry.receipt.pending += 1

    def drop_oldest_for(self, message: Message) -> int:
        """Make room by forgetting the oldest ready entries; return how many."""
        dropped = 0
        while self._ready and not self.has_room(message):
            self.finish(self._ready.popleft())
            dropped += 1
        return dropped

    def take(self, consumer: object) -> Entry | None:
        """Return the next entry for a consumer, or None."""
        if not self._ready:
            return None
        if self.queue.single_active_consumer and self.consumers[0] is not consumer:
            return None
        return self._ready.popleft()

    def give_back(self, entries: Iterable[Entry]) -> None:
        """Put delivered entries back to the front, in their order."""
        for entry in reversed(list(entries)):
            entry.delivery_count += 1
            self._ready.appendleft(entry)

    def finish(self, entry: Entry) -> None:
        """Forget a delivered entry."""
        self._bytes -= entry.size
        if entry.receipt:
            entry.receipt.pending -= 1

    def at_limit(self, entry: Entry) -> bool:
        """Tell whether one more delivery would be too many."""
        limited = not self.queue.temporary and self.queue.exchange is not Exchange.DEAD
        return limited and entry.delivery_count + 1 >= self.queue.delivery_limit
