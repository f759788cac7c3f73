"""The wire contract as an AsyncAPI 3.1 document with JSON Schemas, made from the values here.

Source: AsyncAPI Specification 3.1.0; AMQP 0-9-1 channel bindings 0.3.0.
"""

from typing import Any

import msgspec

from pilothouse_common.contract.commands import (
    COMMAND_TYPES,
    CommandArguments,
    CommandEnvelope,
    Reply,
)
from pilothouse_common.contract.events import EVENT_TYPES, EventData
from pilothouse_common.contract.message import (
    COMMAND_CONTENT_TYPE,
    EVENT_CONTENT_TYPE,
    SAMPLES_CONTENT_TYPE,
)
from pilothouse_common.contract.topology import DURABLE_QUEUES, Exchange

_EXCHANGES = {
    Exchange.SAMPLES: "Line protocol, gzip; routing key <cluster>.<hostname>",
    Exchange.EVENTS: "CloudEvents 1.0 structured JSON; routing key is the event type",
    Exchange.COMMANDS: "JSON commands, key run.<id>.<verb>, and replies, reply.<asker>.<command id>",
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


def command_schema(cls: type[CommandArguments]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one command as it is on the wire."""
    (envelope, arguments), components = msgspec.json.schema_components(
        [CommandEnvelope, cls], ref_template="#/$defs/{name}"
    )
    whole = components.pop(envelope["$ref"].rpartition("/")[2])
    whole["properties"] |= {"type": {"const": cls.type}, "arguments": arguments}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "title": cls.type,
        "description": _first_sentence(cls),
        "$defs": components,
    }


def reply_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of every reply."""
    (reply,), components = msgspec.json.schema_components([Reply], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **components[reply["$ref"].rpartition("/")[2]],
        "title": "reply",
        "description": _first_sentence(Reply),
    }


def document() -> dict[str, Any]:
    """Return the whole AsyncAPI document."""
    messages = {name: _event_message(cls) for name, cls in EVENT_TYPES.items()}
    messages |= {cls.type: _command_message(cls) for cls in COMMAND_TYPES.values()}
    messages["reply"] = _command_message(Reply, "reply")
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
    names = {
        Exchange.SAMPLES: ["samples"],
        Exchange.EVENTS: list(EVENT_TYPES),
        Exchange.COMMANDS: [*COMMAND_TYPES, "reply"],
    }.get(exchange, [])
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


def _command_message(cls: type[CommandArguments | Reply], name: str = "") -> dict[str, Any]:
    name = name or getattr(cls, "type", "")
    return {
        "name": name,
        "contentType": COMMAND_CONTENT_TYPE,
        "summary": _first_sentence(cls),
        "payload": {"$ref": f"./schemas/{name}.v1.json"},
    }


def _first_sentence(cls: type[msgspec.Struct]) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())
