"""The one unit that carriers move: bytes, where they go, and how to read them."""

from dataclasses import dataclass

from pilothouse_common.contract.topology import Exchange

EVENT_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
COMMAND_CONTENT_TYPE = "application/json; charset=utf-8"
SAMPLES_CONTENT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is published, spooled, delivered and dead-lettered.

    Attributes:
        exchange: The topic exchange it belongs to.
        routing_key: ``<cluster>.<hostname>`` for samples, the event type for events.
        body: The bytes as they stay on the wire (samples: one gzip member).
        content_type: Media type of the decoded body.
        content_encoding: ``gzip`` or empty.
        message_id: Unique per message; the event id for events.
    """

    exchange: Exchange
    routing_key: str
    body: bytes
    content_type: str
    content_encoding: str = ""
    message_id: str = ""
