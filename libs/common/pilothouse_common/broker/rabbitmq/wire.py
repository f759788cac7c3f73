"""Between our Message and AMQP's properties and headers."""

from collections.abc import Mapping

import pika.spec
from pika.spec import Basic, BasicProperties

from pilothouse_common.broker.port import ORIGIN_HEADER, REASON_HEADER
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange

PERSISTENT = 2
_MAX_TEXT_BYTES = 255  # AMQP short string


class ReadableProperties(BasicProperties):
    """Properties that any publisher may have written.

    pika fails on some headers that AMQP allows (a time beyond the year 9999). In its loop that would end
    the connection, and so the delivery of everything else, again and again.
    """

    def decode(self, encoded: bytes, offset: int = 0) -> BasicProperties:
        """Decode as far as possible; what follows the headers is lost with them."""
        try:
            return super().decode(encoded, offset)
        except Exception:  # noqa: BLE001 a pure decoder: whatever it stumbles on is in the bytes
            self.headers = None
            return self


def read_any_properties() -> None:
    """Have pika decode with ReadableProperties."""
    pika.spec.props[ReadableProperties.INDEX] = ReadableProperties


def properties_of(message: Message, headers: Mapping[str, str] | None = None) -> BasicProperties:
    """Return the properties of a persistent message."""
    return BasicProperties(
        content_type=message.content_type or None,
        content_encoding=message.content_encoding or None,
        message_id=message.message_id or None,
        delivery_mode=PERSISTENT,
        headers=dict(headers) if headers else None,
    )


_EXCHANGES: dict[str, Exchange] = {str(exchange): exchange for exchange in Exchange}


def message_of(
    method: Basic.Deliver, properties: BasicProperties, body: bytes, bound_to: Exchange
) -> Message:
    """Return the message as delivered.

    One that somebody put into the queue past our exchanges counts as published to ``bound_to``.
    """
    return Message(
        _EXCHANGES.get(method.exchange, bound_to),
        _text(method.routing_key),
        body,
        _text(properties.content_type),
        _text(properties.content_encoding),
        _text(properties.message_id),
    )


def _text(value: str | bytes | None) -> str:
    """Return a short string as text that can be published again; pika leaves what is not UTF-8 bytes."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace").encode()[:_MAX_TEXT_BYTES].decode(errors="ignore")
    return value or ""


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
