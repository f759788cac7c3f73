"""Chooses the carrier by the scheme of PILOTHOUSE_BROKER_URL. Loads only what the scheme needs."""

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from pilothouse_common.broker.port import Broker, Publisher
from pilothouse_common.errors import ConfigError

PUBLISHER_SCHEMES = ("amqp", "amqps", "https", "http", "spool", "memory", "mpi")
BROKER_SCHEMES = ("amqp", "amqps", "memory", "mpi")
_INSIDE = ("memory", "mpi")
"""Carriers that are an object of this process, not an address."""


def open_broker(
    url: str,
    *,
    name: str = "pilothouse",
    memory: Broker | None = None,
    ranks: Broker | None = None,
) -> Broker:
    """Return the broker that a URL names: for processes that consume.

    Args:
        url: ``amqp(s)://USER:PASSWORD@HOST:PORT/VHOST``, ``memory:`` or ``mpi:``.
        name: Name of our connections in the broker's tools.
        memory: The in-process broker of this process, which ``memory:`` means.
        ranks: The way to rank 0 of this allocation, which ``mpi:`` means.

    Raises:
        ConfigError: Wrong URL, or a scheme that nobody can consume from.
    """
    scheme = _split(url).scheme
    if scheme in ("amqp", "amqps"):
        from pilothouse_common.broker.rabbitmq import RabbitBroker

        return RabbitBroker(url, name=name)
    if scheme in _INSIDE:
        return _given(scheme, memory if scheme == "memory" else ranks)
    raise _unknown(scheme, BROKER_SCHEMES)


def open_publisher(
    url: str,
    *,
    spool_dir: Path | None = None,
    name: str = "pilothouse",
    token: str = "",
    memory: Broker | None = None,
    ranks: Broker | None = None,
    timeout_seconds: float = 5.0,
    spool_max_bytes: int = 1 << 30,
) -> Publisher:
    """Return the carrier that a URL names, with a spool behind it if there is a directory for it.

    Args:
        url: ``amqp(s)://…``, ``https://[TOKEN@]GATEWAY``, ``spool:/DIRECTORY``, ``memory:`` or ``mpi:``.
        spool_dir: Directory of the spool for what the carrier cannot take.
        name: Name of our connections in the broker's tools.
        token: For the gateway, when the URL holds none.
        memory: The in-process broker of this process, which ``memory:`` means.
        ranks: The way to rank 0 of this allocation, which ``mpi:`` means.
        timeout_seconds: Limit of one publish(), where the URL does not say.
        spool_max_bytes: Bound of the spool.

    Raises:
        ConfigError: Wrong URL or unknown scheme.
    """
    parts = _split(url)
    if parts.scheme == "spool":
        return _spool(parts, spool_max_bytes)
    if parts.scheme in _INSIDE:
        carrier = _given(parts.scheme, memory if parts.scheme == "memory" else ranks).publisher()
    else:
        carrier = _carrier(
            url, parts.scheme, name=name, token=token, timeout_seconds=timeout_seconds
        )
    if spool_dir is None:
        return carrier
    from pilothouse_common.broker.spool import Spool
    from pilothouse_common.broker.spooling import SpoolingPublisher

    return SpoolingPublisher(carrier, Spool(spool_dir, max_bytes=spool_max_bytes))


def _carrier(url: str, scheme: str, *, name: str, token: str, timeout_seconds: float) -> Publisher:
    if scheme in ("amqp", "amqps"):
        from pilothouse_common.broker.rabbitmq import RabbitBroker

        return RabbitBroker(url, name=name, timeout_seconds=timeout_seconds).publisher()
    if scheme in ("https", "http"):
        from pilothouse_common.broker.gateway import GatewayPublisher

        return GatewayPublisher(url, token=token, timeout_seconds=timeout_seconds)
    raise _unknown(scheme, PUBLISHER_SCHEMES)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as exc:
        raise ConfigError("broker URL: the host is not valid") from exc


def _spool(parts: SplitResult, max_bytes: int) -> Publisher:
    from pilothouse_common.broker.spool import Spool

    path = Path(unquote(parts.path))
    if parts.netloc or not path.is_absolute() or "\0" in parts.path:
        raise ConfigError("broker URL: expected spool:/DIRECTORY with an absolute path")
    return Spool(path, max_bytes=max_bytes)


def _given(scheme: str, inside: Broker | None) -> Broker:
    if inside is None:
        where = "up" if scheme == "memory" else "job"
        raise ConfigError(
            f"broker URL: {scheme}: works only inside pilothouse-standalone {where}; "
            f"use one of {', '.join(BROKER_SCHEMES[:2])}"
        )
    return inside


def _unknown(scheme: str, known: tuple[str, ...]) -> ConfigError:
    return ConfigError(
        f"broker URL: scheme {scheme[:20]!r} is not known here; use one of {', '.join(known)}"
    )
