from collections.abc import Mapping
from typing import Any

class Basic:
    class Ack:
        delivery_tag: int
        multiple: bool
    class Nack:
        delivery_tag: int
        multiple: bool
    class Deliver:
        delivery_tag: int
        redelivered: bool
        exchange: str
        routing_key: str
    class Return:
        exchange: str
        routing_key: str
        reply_text: str

class BasicProperties:
    content_type: str | None
    content_encoding: str | None
    message_id: str | None
    headers: Mapping[str, Any] | None
    def __init__(
        self,
        *,
        content_type: str | None = ...,
        content_encoding: str | None = ...,
        message_id: str | None = ...,
        delivery_mode: int | None = ...,
        headers: Mapping[str, Any] | None = ...,
    ) -> None: ...
