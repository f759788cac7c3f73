"""Between our Message and AMQP's properties and headers."""

from collections.abc import Mapping

from pika.spec import Basic, BasicProperties

from pilothouse_common.broker.port import ORIGIN_HEADER, REASON_HEADER
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange

PERSISTENT = 2


def properties_of(message: Message, headers: Mapping[str, str] | None = None) -> BasicProperties:
    """Return the properties of a persistent message."""
    return BasicProperties(
        content_type=message.content_type or None,
        content_encoding=message.content_encoding or None,
        message_id=message.message_id or None,
        delivery_mode=PERSISTENT,
        headers=dict(headers) if headers else None,
    )


def message_of(
    method: Basic.Deliver, properties: BasicProperties, body: bytes, bound_to: Exchange
) -> Message:
    """Return the message as delivered.

    One that somebody put into the queue past our exchanges counts as published to ``bound_to``.
    """
    known = method.exchange in set(Exchange)
    return Message(
        Exchange(method.exchange) if known else bound_to,
        method.routing_key,
        body,
        properties.content_type or "",
        properties.content_encoding or "",
        properties.message_id or "",
    )


def delivery_count_of(properties: BasicProperties) -> int:
    """Return how often a quorum queue delivered it before."""
    count = (properties.headers or {}).get("x-delivery-count", 0)
    return count if isinstance(count, int) else 0


def dead_headers_of(exchange: str, properties: BasicProperties) -> dict[str, str]:
    """Return reason and origin of a dead letter, whether we or RabbitMQ made it one."""
    headers = properties.headers or {}
    if exchange != Exchange.DEAD:
        return {}
    if REASON_HEADER in headers:
        return {key: str(headers.get(key, "")) for key in (REASON_HEADER, ORIGIN_HEADER)}
    reason = str(headers.get("x-first-death-reason", "unknown"))
    queue = headers.get("x-first-death-queue", "?")
    if reason == "delivery_limit":
        reason = f"delivered too often from {queue} and never settled"
    return {
        REASON_HEADER: reason,
        ORIGIN_HEADER: str(headers.get("x-first-death-exchange", "")),
    }
