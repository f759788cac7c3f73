"""Exchanges, queues and bindings as values: the only place where their names are written.

Names and guarantees: docs/wire-contract.md. Semantics of the arguments: RabbitMQ documentation,
"Quorum Queues", "Queue Length Limit" and "Consumer Acknowledgements".
"""

from dataclasses import dataclass
from enum import StrEnum


class Exchange(StrEnum):
    """The topic exchanges, all durable."""

    SAMPLES = "pilothouse.samples"
    EVENTS = "pilothouse.events"
    COMMANDS = "pilothouse.commands"
    DEAD = "pilothouse.dead"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and what it is bound to.

    Attributes:
        name: Unique name. Temporary queues get a random suffix from their adapter.
        exchange: The exchange it is bound to.
        binding_keys: AMQP topic patterns (``*`` one word, ``#`` any number).
        temporary: Exclusive to one connection and gone with it; not durable, never dead-letters.
        max_length_bytes: Above it the broker refuses publishes, so that publishers spool. 0: no bound.
        delivery_limit: Deliveries of one message before it is dead-lettered.
        single_active_consumer: Only one consumer at a time gets messages.
    """

    name: str
    exchange: Exchange
    binding_keys: tuple[str, ...] = ("#",)
    temporary: bool = False
    max_length_bytes: int = 0
    delivery_limit: int = 20
    single_active_consumer: bool = False


GIBIBYTE = 1 << 30

INGEST_SAMPLES = Queue("pilothouse.ingest.samples", Exchange.SAMPLES, max_length_bytes=4 * GIBIBYTE)
INGEST_EVENTS = Queue("pilothouse.ingest.events", Exchange.EVENTS)
DEAD_LETTERS = Queue("pilothouse.dead", Exchange.DEAD)

DURABLE_QUEUES: tuple[Queue, ...] = (INGEST_SAMPLES, INGEST_EVENTS, DEAD_LETTERS)


def live_view(exchange: Exchange, *binding_keys: str) -> Queue:
    """Return a temporary queue for one viewer of an exchange."""
    return Queue("pilothouse.live", exchange, binding_keys or ("#",), temporary=True)


def commands_of(node_word: str) -> Queue:
    """Return the temporary queue of an agent for commands to the runs of its node.

    Args:
        node_word: First part of its run ids.
    """
    return Queue("pilothouse.runs", Exchange.COMMANDS, (f"run.{node_word}.#",), temporary=True)


def replies_to(asker: str) -> Queue:
    """Return the temporary queue of one asker for replies to its commands."""
    return Queue("pilothouse.replies", Exchange.COMMANDS, (f"reply.{asker}.#",), temporary=True)


def topic_matches(pattern: str, routing_key: str) -> bool:
    """Tell whether an AMQP topic pattern matches (AMQP 0-9-1, section 3.1.3.3)."""
    return _match(pattern.split("."), routing_key.split("."))


def _match(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(_match(rest, words[i:]) for i in range(len(words) + 1))
    return bool(words) and head in ("*", words[0]) and _match(rest, words[1:])
