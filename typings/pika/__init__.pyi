# What pilothouse_common/broker/rabbitmq uses of pika 1.3+.
from collections.abc import Callable, Mapping
from ssl import SSLContext
from typing import Any

from pika import exceptions as exceptions
from pika import spec as spec
from pika.channel import Channel
from pika.credentials import ExternalCredentials
from pika.credentials import PlainCredentials as PlainCredentials
from pika.spec import BasicProperties as BasicProperties

class SSLOptions:
    def __init__(self, context: SSLContext, server_hostname: str | None = None) -> None: ...

class ConnectionParameters:
    host: str
    port: int
    virtual_host: str
    def __init__(
        self,
        host: str = ...,
        port: int = ...,
        virtual_host: str = ...,
        credentials: PlainCredentials | ExternalCredentials = ...,
        *,
        heartbeat: int | None = ...,
        ssl_options: SSLOptions | None = ...,
        connection_attempts: int = ...,
        socket_timeout: float = ...,
        stack_timeout: float = ...,
        blocked_connection_timeout: float | None = ...,
        client_properties: Mapping[str, str] | None = ...,
    ) -> None: ...

class IOLoop:
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
    def add_callback_threadsafe(self, callback: Callable[[], object]) -> None: ...

class SelectConnection:
    def __init__(
        self,
        parameters: ConnectionParameters,
        on_open_callback: Callable[[SelectConnection], object],
        on_open_error_callback: Callable[[SelectConnection, BaseException], object],
        on_close_callback: Callable[[SelectConnection, BaseException], object],
    ) -> None: ...
    ioloop: IOLoop
    is_open: bool
    is_closing: bool
    is_closed: bool
    def channel(self, *, on_open_callback: Callable[[Channel], object]) -> Channel: ...
    def close(self, reply_code: int = ..., reply_text: str = ...) -> None: ...
    def add_on_connection_blocked_callback(
        self, callback: Callable[[SelectConnection, Any], object]
    ) -> None: ...
    def add_on_connection_unblocked_callback(
        self, callback: Callable[[SelectConnection, Any], object]
    ) -> None: ...

class URLParameters(ConnectionParameters):
    def __init__(self, url: str) -> None: ...

class BlockingConnection:
    def __init__(self, parameters: ConnectionParameters) -> None: ...
    def channel(self) -> Channel: ...
    def close(self) -> None: ...
