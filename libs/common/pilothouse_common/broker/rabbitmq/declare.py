"""Declares the topology. Idempotent: RabbitMQ compares and changes nothing that is there.

RabbitMQ documentation, "Quorum Queues" (delivery limit, at-least-once dead lettering), "Queue Length
Limit". x-delivery-limit counts redeliveries, our limit counts deliveries.
"""

from collections.abc import Callable, Sequence
from uuid import uuid4

from pika.channel import Channel

from pilothouse_common.contract.topology import Exchange, Queue

TEMPORARY_MAX_BYTES = 64 << 20
"""A viewer that does not keep up loses its oldest messages beyond this."""
_NEVER = 1_000_000


def server_name(queue: Queue) -> str:
    """Return the name to declare: a temporary queue gets a random suffix."""
    return f"{queue.name}.{uuid4().hex}" if queue.temporary else queue.name


def declare(
    channel: Channel, queues: Sequence[tuple[str, Queue]], done: Callable[[], None]
) -> None:
    """Declare exchanges, queues and bindings in one burst; an error closes the channel."""
    for exchange in Exchange:
        channel.exchange_declare(exchange, "topic", durable=True)
    for name, queue in queues:
        channel.queue_declare(
            name,
            durable=not queue.temporary,
            exclusive=queue.temporary,
            auto_delete=queue.temporary,
            arguments=arguments(queue),
        )
        for key in queue.binding_keys:
            channel.queue_bind(name, queue.exchange, key)
    channel.exchange_declare(Exchange.DEAD, "topic", durable=True, callback=lambda _frame: done())


def arguments(queue: Queue) -> dict[str, object]:
    """Return the queue's x-arguments."""
    if queue.temporary:
        return {
            "x-max-length-bytes": queue.max_length_bytes or TEMPORARY_MAX_BYTES,
            "x-overflow": "drop-head",
        }
    out: dict[str, object] = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
    if queue.exchange is Exchange.DEAD:
        out["x-delivery-limit"] = _NEVER  # the end of the line: looking at it must not lose it
    else:
        out["x-delivery-limit"] = queue.delivery_limit - 1
        out["x-dead-letter-exchange"] = str(Exchange.DEAD)
        out["x-dead-letter-strategy"] = "at-least-once"
    if queue.max_length_bytes:
        out["x-max-length-bytes"] = queue.max_length_bytes
    if queue.single_active_consumer:
        out["x-single-active-consumer"] = True
    return out
