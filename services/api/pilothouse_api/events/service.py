"""Checks events as they come in, then publishes all of them or none."""

from collections.abc import Sequence

import msgspec
from fastapi import HTTPException
from pilothouse_common.broker.port import Publisher
from pilothouse_common.contract.events import Event, decode_event, event_message
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import check_cluster
from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.errors import Forbidden, Malformed, Rejected

from pilothouse_api.access.caller import Caller
from pilothouse_api.bodies import RawBody
from pilothouse_api.events.schemas import BATCH, SINGLE

MAX_EVENTS = 10_000
_MAX_ID_BYTES = 255  # AMQP short string


def accept_events(caller: Caller, body: RawBody, publisher: Publisher) -> int:
    """Publish the events of one request and return how many.

    Raises:
        Rejected: One of them is wrong, with its index; none was published.
        BrokerUnavailable: The broker has not taken all; the same request may be sent again.
    """
    documents = _split(body)
    messages = [_check(index, document, caller) for index, document in enumerate(documents)]
    if messages:
        publisher.publish(messages)
    return len(messages)


def _split(body: RawBody) -> Sequence[bytes]:
    if body.media_type == SINGLE:
        return [body.unpacked()]
    if body.media_type != BATCH:
        raise HTTPException(415, f"Content-Type: send {SINGLE} or {BATCH}")
    try:
        items = msgspec.json.decode(body.unpacked(), type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Malformed(f"body: not a JSON array of events: {exc}") from exc
    if len(items) > MAX_EVENTS:
        raise Malformed(f"body: {len(items)} events, at most {MAX_EVENTS} at once")
    return [bytes(item) for item in items]


def _check(index: int, document: bytes, caller: Caller) -> Message:
    try:
        event = decode_event(document)
        check_cluster(event.data.cluster)
        message = event_message(event)
        _check_texts(message)
    except RecursionError as exc:
        raise Malformed(f"event [{index}]: nested too deeply") from exc
    except Rejected as exc:
        raise type(exc)(f"event [{index}]: {exc}; nothing was accepted") from exc
    check_restriction(caller.restriction, event, index)
    return message


def _check_texts(message: Message) -> None:
    """Refuse here what would only become a dead letter later."""
    if len(message.message_id.encode()) > _MAX_ID_BYTES:
        raise Malformed(f"id: more than {_MAX_ID_BYTES} bytes")
    if b"\\u0000" in message.body:
        raise Malformed("a text has a NUL character, which no record can hold")


def check_restriction(restriction: Restriction, event: Event, index: int = 0) -> None:
    """Refuse events about what the token is not for.

    Raises:
        Forbidden: A part of the restriction that the event does not fulfil.
    """
    for part in restriction.__struct_fields__:
        allowed = getattr(restriction, part)
        said = getattr(event.data, part, None)
        if allowed is not None and said != allowed:
            raise Forbidden(
                f"event [{index}]: the token is for {part} {allowed!r}, the event says {said!r}"
            )
