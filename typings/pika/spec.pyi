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
        routing_key: str | bytes
    class Return:
        exchange: str
        routing_key: str
        reply_text: str

class BasicProperties:
    INDEX: int
    content_type: str | bytes | None
    content_encoding: str | bytes | None
    message_id: str | bytes | None
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
    def encode(self) -> list[bytes]: ...
    def decode(self, encoded: bytes, offset: int = ...) -> BasicProperties: ...

props: dict[int, type[BasicProperties]]
