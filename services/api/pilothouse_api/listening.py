"""The socket of the gateway, opened before anything heavy is loaded: who connects early waits."""

import socket

from pilothouse_common.errors import ConfigError

_BACKLOG = 1024
SETTINGS = "PILOTHOUSE_API_HOST={host} PILOTHOUSE_API_PORT={port}"


def open_socket(host: str, port: int, *, option: str = SETTINGS) -> socket.socket:
    """Return a listening socket.

    Args:
        host: Name or address.
        port: 0: any free one.
        option: How the address was chosen, for the error.

    Raises:
        ConfigError: Nobody may listen there.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as exc:
        where = option.format(host=host, port=port)
        raise ConfigError(f"{where}: cannot listen there: {exc.strerror}") from exc
    return sock
