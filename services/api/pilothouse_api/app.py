"""The gateway as an ASGI app: the same in production and in tests, only the ports differ."""

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from pilothouse_common.broker.port import Broker, Publisher
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.samples.port import SampleStore

from pilothouse_api import problems
from pilothouse_api.access.credentials import CsrfGuard
from pilothouse_api.access.login import LoginCodes
from pilothouse_api.access.signing import TokenSigner
from pilothouse_api.access.tokens import Tokens
from pilothouse_api.compat.jumonc.mount import JumoncRoute
from pilothouse_api.compat.jumonc.options import GATEWAY, JumoncOptions
from pilothouse_api.compat.jumonc.router import make_router
from pilothouse_api.compat.jumonc.space import Jumonc
from pilothouse_api.guards import BodyLimit, SecurityHeaders
from pilothouse_api.live.feed import newest_seq
from pilothouse_api.live.hub import LiveHub
from pilothouse_api.nodes.known import KnownNodes
from pilothouse_api.nodes.newest import NewestValues
from pilothouse_api.page.files import STATIC
from pilothouse_api.plugins.schemas import PluginItem
from pilothouse_api.ports import Ports
from pilothouse_api.routes import make_app
from pilothouse_api.runs.asker import CommandAsker
from pilothouse_api.settings import ApiSettings, check_token_key
from pilothouse_api.telemetry import Telemetry, TelemetryMiddleware

COMPRESS_FROM_BYTES = 2048
QUERY_THREADS = 8
REQUEST_THREADS = 40


def create_app(
    settings: ApiSettings,
    *,
    records: Records,
    samples: SampleStore,
    publisher: Publisher,
    broker: Broker,
    clock: Clock,
    jumonc: JumoncOptions = GATEWAY,
) -> FastAPI:
    """Return the app; whoever made the ports closes them.

    Raises:
        ConfigError: The signing key is too short.
    """
    key = check_token_key(settings.token_key)
    ports = Ports(
        settings=settings,
        records=records,
        samples=samples,
        publisher=publisher,
        broker=broker,
        clock=clock,
        tokens=Tokens(records, TokenSigner(key), clock),
        csrf=CsrfGuard(key),
        logins=LoginCodes(clock),
        live=LiveHub(
            broker,
            lambda: newest_seq(records),
            clock,
            max_streams=settings.live_max_streams,
            max_per_subject=settings.live_max_streams_per_subject,
        ),
        newest=NewestValues(samples, clock),
        commands=CommandAsker(broker),
        nodes=KnownNodes(records, clock),
        telemetry=Telemetry(),
        queries=ThreadPoolExecutor(QUERY_THREADS, thread_name_prefix="samples"),
    )
    app = make_app()
    app.state.plugins = _plugins(app, settings.plugins)
    app.state.ports = ports
    app.state.static = STATIC
    app.state.jumonc = space = Jumonc(ports, jumonc)
    app.router.routes.insert(0, JumoncRoute(make_router(space), at_root=not jumonc.prefix))
    app.router.lifespan_context = _lifespan
    app.add_middleware(BodyLimit, limit_bytes=settings.body_limit_bytes)
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES, compresslevel=4)
    problems.install(app)
    app.add_middleware(TelemetryMiddleware, telemetry=ports.telemetry)
    app.add_middleware(SecurityHeaders)
    ports.telemetry.streams.set_function(lambda: ports.live.open_streams)
    return app


def _plugins(app: FastAPI, names: Sequence[str]) -> Sequence[PluginItem]:
    """Load what plugins need only where there is one.

    Raises:
        ConfigError: The extra is not installed.
    """
    if not names:
        return ()
    try:
        from pilothouse_api.plugins.mount import mount_plugins
    except ImportError as exc:
        raise ConfigError(
            "PILOTHOUSE_PLUGINS: pluggy is not installed here; install pilothouse-api[plugins]"
        ) from exc
    return mount_plugins(app, names)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    ports: Ports = app.state.ports
    anyio.to_thread.current_default_thread_limiter().total_tokens = REQUEST_THREADS
    jumonc: Jumonc = app.state.jumonc
    ports.live.start()
    jumonc.start()
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(jumonc.close)
        await anyio.to_thread.run_sync(ports.live.close)
        await anyio.to_thread.run_sync(ports.commands.close)
        ports.queries.shutdown(wait=False, cancel_futures=True)
