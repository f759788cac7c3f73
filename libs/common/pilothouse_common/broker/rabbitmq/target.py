"""Where a RabbitMQ is: an ``amqp://`` or ``amqps://`` URL, read once and checked.

RabbitMQ documentation, "URI Specification": the path is the virtual host (percent-encoded; none: ``/``).
"""

import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import pika
from pika.credentials import ExternalCredentials

from pilothouse_common.errors import ConfigError

_OPTIONS = ("ca", "cert", "key", "heartbeat_seconds", "timeout_seconds")


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL. ``shown`` is the URL without the password, for messages and logs."""

    parameters: pika.ConnectionParameters = field(repr=False)
    timeout_seconds: float
    shown: str


def read_target(url: str, *, name: str, timeout_seconds: float = 5.0) -> Target:
    """Return what a URL says.

    Args:
        url: ``amqp(s)://USER:PASSWORD@HOST:PORT/VHOST?ca=…&cert=…&key=…&heartbeat_seconds=…&timeout_seconds=…``.
        name: Shown by RabbitMQ's tools as the name of our connections.
        timeout_seconds: For one publish() or connection attempt, where the URL does not say.

    Raises:
        ConfigError: What is wrong with it, without the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ConfigError("broker URL: the host or the port is not valid") from exc
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
        raise ConfigError("broker URL: expected amqp(s)://USER:PASSWORD@HOST:PORT/VHOST")
    options = _options(parts.query)
    secure = parts.scheme == "amqps"
    port = port or (5671 if secure else 5672)
    vhost = unquote(parts.path[1:]) or "/"
    timeout = _seconds(options, "timeout_seconds", timeout_seconds)
    parameters = pika.ConnectionParameters(
        host=parts.hostname,
        port=port,
        virtual_host=vhost,
        credentials=_credentials(parts, options),
        heartbeat=round(_seconds(options, "heartbeat_seconds", 30)),
        ssl_options=_ssl(options, parts.hostname) if secure else None,
        connection_attempts=1,
        socket_timeout=timeout,
        stack_timeout=timeout,
        client_properties={"connection_name": name},
    )
    user = f"{unquote(parts.username)}@" if parts.username else ""
    shown = f"{parts.scheme}://{user}{parts.hostname}:{port}/{parts.path[1:]}"
    return Target(parameters, timeout, shown)


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for option in options:
        if option not in _OPTIONS:
            raise ConfigError(
                f"broker URL: unknown option {option!r}; known: {', '.join(_OPTIONS)}"
            )
    return options


def _seconds(options: dict[str, str], option: str, default: float) -> float:
    try:
        seconds = float(options.get(option, default))
    except ValueError as exc:
        raise ConfigError(f"broker URL: {option} must be a number of seconds") from exc
    if not 0 < seconds <= 3600:
        raise ConfigError(f"broker URL: {option} must be more than 0 and at most 3600")
    return seconds


def _credentials(
    parts: SplitResult, options: dict[str, str]
) -> pika.PlainCredentials | ExternalCredentials:
    if parts.username is None and "cert" in options:
        return ExternalCredentials()
    return pika.PlainCredentials(
        unquote(parts.username or "guest"), unquote(parts.password or "guest")
    )


def _ssl(options: dict[str, str], hostname: str) -> pika.SSLOptions:
    try:
        context = ssl.create_default_context(cafile=options.get("ca") or None)
        if "cert" in options:
            context.load_cert_chain(options["cert"], options.get("key") or None)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"broker URL: cannot read ca, cert or key: {exc}") from exc
    return pika.SSLOptions(context, hostname)
