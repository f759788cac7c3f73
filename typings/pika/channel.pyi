from collections.abc import Callable, Mapping

from pika.frame import Method
from pika.spec import Basic, BasicProperties

class Channel:
    is_open: bool
    def add_on_close_callback(self, callback: Callable[[Channel, BaseException], object]) -> None: ...
    def add_on_return_callback(
        self, callback: Callable[[Channel, Basic.Return, BasicProperties, bytes], object]
    ) -> None: ...
    def add_on_cancel_callback(self, callback: Callable[[Method], object]) -> None: ...
    def basic_ack(self, delivery_tag: int = ..., multiple: bool = ...) -> None: ...
    def basic_nack(
        self, delivery_tag: int = ..., multiple: bool = ..., requeue: bool = ...
    ) -> None: ...
    def basic_publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: BasicProperties | None = ...,
        mandatory: bool = ...,
    ) -> None: ...
    def basic_qos(
        self, prefetch_count: int = ..., *, callback: Callable[[Method], object] | None = ...
    ) -> None: ...
    def basic_consume(
        self,
        queue: str,
        on_message_callback: Callable[[Channel, Basic.Deliver, BasicProperties, bytes], object],
        *,
        callback: Callable[[Method], object] | None = ...,
    ) -> str: ...
    def confirm_delivery(
        self,
        ack_nack_callback: Callable[[Method], object],
        callback: Callable[[Method], object] | None = ...,
    ) -> None: ...
    def exchange_declare(
        self,
        exchange: str,
        exchange_type: str = ...,
        passive: bool = ...,
        durable: bool = ...,
        *,
        callback: Callable[[Method], object] | None = ...,
    ) -> None: ...
    def queue_declare(
        self,
        queue: str,
        *,
        passive: bool = ...,
        durable: bool = ...,
        exclusive: bool = ...,
        auto_delete: bool = ...,
        arguments: Mapping[str, object] | None = ...,
        callback: Callable[[Method], object] | None = ...,
    ) -> None: ...
    def queue_bind(
        self,
        queue: str,
        exchange: str,
        routing_key: str,
        *,
        callback: Callable[[Method], object] | None = ...,
    ) -> None: ...
    def close(self) -> None: ...
