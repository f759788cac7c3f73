"""The wire contract as an AsyncAPI 3.1 document with JSON Schemas, made from the values here.

Source: AsyncAPI Specification 3.1.0; AMQP 0-9-1 channel bindings 0.3.0.
"""

from typing import Any

import msgspec

from pilothouse_common.contract.events import EVENT_TYPES, EventData
from pilothouse_common.contract.message import EVENT_CONTENT_TYPE, SAMPLES_CONTENT_TYPE
from pilothouse_common.contract.topology import DURABLE_QUEUES, Exchange

_EXCHANGES = {
    Exchange.SAMPLES: "Line protocol, gzip; routing key <cluster>.<hostname>",
    Exchange.EVENTS: "CloudEvents 1.0 structured JSON; routing key is the event type",
    Exchange.COMMANDS: "Versioned JSON commands; routing key dispatch.<target>.<verb> or run.<id>.<verb>",
    Exchange.DEAD: "Messages that could not be stored, unchanged, with headers that say why",
}


def event_schema(cls: type[EventData]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one event as it is on the wire."""
    (data,), components = msgspec.json.schema_components([cls], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": cls.type,
        "description": _first_sentence(cls),
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "maxLength": 255},
            "source": {
                "type": "string",
                "format": "uri-reference",
                "minLength": 1,
                "maxLength": 255,
            },
            "type": {"const": cls.type},
            "subject": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "data": data,
        },
        "$defs": components,
    }


def document() -> dict[str, Any]:
    """Return the whole AsyncAPI document."""
    messages = {name: _event_message(cls) for name, cls in EVENT_TYPES.items()}
    messages["samples"] = {
        "name": "samples",
        "contentType": SAMPLES_CONTENT_TYPE,
        "summary": "One interval of one host: ClusterCockpit line protocol, one field `value`, seconds",
        "headers": {"type": "object", "properties": {"content_encoding": {"enum": ["gzip", ""]}}},
        "payload": {"type": "string"},
    }
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Pilothouse wire contract",
            "version": "1",
            "description": "At least once, in any order; (source, id) is the dedupe key of events.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_channel_id(e): _channel(e, messages) for e in Exchange},
        "operations": {f"publish-{_channel_id(e)}": _operation(e) for e in Exchange},
        "components": {"messages": messages},
    }


def _channel_id(exchange: Exchange) -> str:
    return exchange.value.rsplit(".", 1)[1]


def _channel(exchange: Exchange, messages: dict[str, Any]) -> dict[str, Any]:
    names = {Exchange.SAMPLES: ["samples"], Exchange.EVENTS: list(EVENT_TYPES)}.get(exchange, [])
    queues = [q for q in DURABLE_QUEUES if q.exchange is exchange]
    return {
        "address": exchange.value,
        "description": _EXCHANGES[exchange],
        "messages": {n: {"$ref": f"#/components/messages/{n}"} for n in names if n in messages},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": exchange.value,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                },
                "bindingVersion": "0.3.0",
            }
        },
        "x-queues": [
            {
                "name": q.name,
                "bindingKeys": list(q.binding_keys),
                "maxLengthBytes": q.max_length_bytes,
                "deliveryLimit": q.delivery_limit,
            }
            for q in queues
        ],
    }


def _operation(exchange: Exchange) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{_channel_id(exchange)}"},
        "bindings": {
            "amqp": {"deliveryMode": 2, "mandatory": True, "ack": True, "bindingVersion": "0.3.0"}
        },
    }


def _event_message(cls: type[EventData]) -> dict[str, Any]:
    return {
        "name": cls.type,
        "contentType": EVENT_CONTENT_TYPE,
        "summary": _first_sentence(cls),
        "payload": {"$ref": f"./schemas/{cls.type}.v1.json"},
    }


def _first_sentence(cls: type[EventData]) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())
