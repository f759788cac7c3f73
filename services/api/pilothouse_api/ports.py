"""What the routes stand on: made once by create_app, handed to routes by ``Depends(ports_of)``."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from fastapi import Request
from pilothouse_common.broker.port import Broker, Publisher
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.samples.port import SampleStore

from pilothouse_api.access.credentials import CsrfGuard
from pilothouse_api.access.login import LoginCodes
from pilothouse_api.access.tokens import Tokens
from pilothouse_api.live.hub import LiveHub
from pilothouse_api.nodes.known import KnownNodes
from pilothouse_api.nodes.newest import NewestValues
from pilothouse_api.runs.asker import CommandAsker
from pilothouse_api.settings import ApiSettings
from pilothouse_api.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Ports:
    """Stores, carriers and the few stateful parts of the gateway.

    Attributes:
        queries: Threads for questions to the sample store that one request asks at once.
    """

    settings: ApiSettings
    records: Records
    samples: SampleStore
    publisher: Publisher
    broker: Broker
    clock: Clock
    tokens: Tokens
    csrf: CsrfGuard
    logins: LoginCodes
    live: LiveHub
    newest: NewestValues
    commands: CommandAsker
    nodes: KnownNodes
    telemetry: Telemetry
    queries: ThreadPoolExecutor


async def ports_of(request: Request) -> Ports:
    """Return the ports of the app that serves a request. Async, so that it costs no thread."""
    return ports_in(request)


def ports_in(request: Request) -> Ports:
    """Return the same to who is no dependency."""
    return cast(Ports, request.app.state.ports)
