"""Settings of the gateway."""

from typing import Annotated

from msgspec import Meta
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.settings import ProcessSettings, Settings

TokenKey = Annotated[
    str,
    Meta(
        description="key that signs tokens (HS256), at least 32 bytes, e.g. from `openssl rand -hex 32`",
        extra={"secret": True},
    ),
]
RecordsUrl = Annotated[
    str,
    Meta(
        description="record store: postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE",
        extra={"secret": True},
    ),
]
MIN_KEY_BYTES = 32


class TokenSettings(Settings, frozen=True, kw_only=True):
    """What `pilothouse-api token …` needs: no broker, no sample store."""

    records_url: RecordsUrl
    token_key: TokenKey


class ApiSettings(ProcessSettings, frozen=True, kw_only=True):
    """What the serving process needs."""

    records_url: RecordsUrl
    samples_url: Annotated[
        str,
        Meta(
            description="sample store: influxdb://HOST:PORT/BUCKET?org=… or duckdb:///FILE",
            extra={"secret": True},
        ),
    ]
    token_key: TokenKey
    api_host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    api_port: Annotated[
        int, Meta(ge=0, le=65535, description="port to listen on; 0: any free one")
    ] = 8080
    public_url: Annotated[
        str,
        Meta(
            pattern="^(https?://.+)?$",
            description="where people reach it, https://HOST[/PATH]; https makes cookies Secure; "
            "empty: http://API_HOST:API_PORT",
        ),
    ] = ""
    body_limit_bytes: Annotated[
        int, Meta(ge=1024, description="largest request body as sent; above it: 413")
    ] = 8 << 20
    unpacked_limit_bytes: Annotated[
        int, Meta(ge=1024, description="largest request body when unpacked; above it: 413")
    ] = 64 << 20
    live_max_streams: Annotated[
        int, Meta(ge=1, description="open /v1/live streams of all callers; above it: 429")
    ] = 256
    live_max_streams_per_subject: Annotated[
        int, Meta(ge=1, description="open /v1/live streams of one subject; above it: 429")
    ] = 16
    plugins: Annotated[
        tuple[str, ...],
        Meta(
            description="installed entry points of the group pilothouse.plugins to load; docs/plugins.md"
        ),
    ] = ()
    session_seconds: Annotated[
        int, Meta(ge=60, description="longest life of a browser session, seconds")
    ] = 12 * 3600
    stop_seconds: Annotated[
        float, Meta(gt=0, description="time for open requests to finish at the end, seconds")
    ] = 5.0

    @property
    def secure_cookies(self) -> bool:
        """Whether browsers may send the session over https only."""
        return self.public_url.startswith("https:")


def check_token_key(key: str) -> bytes:
    """Return the signing key's bytes, or raise ConfigError: a short one can be guessed."""
    raw = key.encode()
    if len(raw) < MIN_KEY_BYTES:
        raise ConfigError(
            f"PILOTHOUSE_TOKEN_KEY: {len(raw)} bytes, need at least {MIN_KEY_BYTES}; "
            "make one with `openssl rand -hex 32`"
        )
    return raw
