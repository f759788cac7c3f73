"""The URL of an InfluxDB: where it is, what may enter, which API it speaks."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from pilothouse_common.errors import ConfigError

FORM = "influxdb[+https]://[TOKEN@|USER:PASSWORD@]HOST:PORT/BUCKET?org=ORG"


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL.

    Attributes:
        base_url: ``http(s)://host:port``.
        bucket: Bucket (2.x) or database (1.x, 3.x).
        org: Organisation; 2.x only.
        token: API token of 2.x and 3.x.
        username: With ``password`` the account of a 1.x server.
        password: See ``username``.
        api: 1, 2 or 3 to fix the version; 0 asks the server.
        timeout_seconds: Bound of one request.
    """

    base_url: str
    bucket: str
    org: str = ""
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    api: int = 0
    timeout_seconds: float = 30.0


def parse_address(url: str) -> Address:
    """Read ``influxdb[+https]://[TOKEN@|USER:PASSWORD@]HOST:PORT/BUCKET?org=ORG&api=1|2|3``.

    Raises:
        ConfigError: What is wrong; the URL itself may hold a secret and is not shown.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 8086
        options = dict(
            parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        )
    except ValueError as exc:
        raise ConfigError(f"sample store: not a URL of the form {FORM}") from exc
    bucket = unquote(parts.path.strip("/"))
    if not host or not bucket:
        raise ConfigError(f"sample store: {'bucket' if host else 'host'} is missing; use {FORM}")
    unknown = sorted(set(options) - {"org", "api", "tls", "timeout_seconds"})
    if unknown:
        raise ConfigError(f"sample store: unknown option {unknown[0]!r}; use {FORM}")
    tls = parts.scheme == "influxdb+https" or options.get("tls", "").lower() in ("true", "1", "yes")
    username, password = unquote(parts.username or ""), parts.password
    bracketed = f"[{host}]" if ":" in host else host
    return Address(
        base_url=f"{'https' if tls else 'http'}://{bracketed}:{port}",
        bucket=bucket,
        org=options.get("org", ""),
        token=username if password is None else "",
        username="" if password is None else username,
        password=unquote(password or ""),
        api=int(_number(options, "api", "0", allowed=("0", "1", "2", "3"))),
        timeout_seconds=float(_number(options, "timeout_seconds", "30")),
    )


def _number(
    options: dict[str, str], name: str, default: str, *, allowed: tuple[str, ...] = ()
) -> str:
    text = options.get(name, default)
    if (allowed and text not in allowed) or not text.replace(".", "", 1).isdecimal():
        expected = ", ".join(allowed) if allowed else "a number"
        raise ConfigError(f"sample store: option {name}: expected {expected}, got {text[:20]!r}")
    return text
