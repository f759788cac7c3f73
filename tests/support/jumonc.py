"""JuMonC's form over a gateway whose nodes and samples the test makes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
from fastapi.testclient import TestClient
from pilothouse_api.compat.jumonc import gpu, network
from pilothouse_api.compat.jumonc.catalogue import LAYERS
from pilothouse_api.compat.jumonc.levels import LEVELS
from pilothouse_api.compat.jumonc.options import JumoncOptions
from pilothouse_common.contract.events import NodeReported
from pilothouse_common.contract.scopes import BUNDLES
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import SampleStore

from tests.support.api import BASE, Gateway
from tests.support.samples import a_body, a_line

CLUSTER = "alpha"
INTERFACES = ("eth0", "ib0")


class OldClient:
    """Asks as JuMonC's clients do: a path, parameters and a token in the query."""

    def __init__(self, client: TestClient, gateway: Gateway, prefix: str) -> None:
        self.http = client
        self.gateway = gateway
        self.prefix = prefix
        self._tokens: dict[str, str] = {}

    def token(self, level: str) -> str:
        if level not in self._tokens:
            self._tokens[level] = self.gateway.token("alice", tuple(BUNDLES[level]))
        return self._tokens[level]

    def get(self, path: str, level: str | None = "full", /, **query: Any) -> httpx.Response:
        if level is not None:
            query["token"] = self.token(level)
        return self.http.get(self.prefix + path, params=query, follow_redirects=False)

    def json(self, path: str, level: str = "full", /, **query: Any) -> Any:
        answer = self.get(path, level, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def an_old_client(
    records: Records,
    samples: SampleStore,
    options: JumoncOptions | None = None,
    *,
    clock: Clock | None = None,
) -> Iterator[OldClient]:
    options = options or JumoncOptions()
    gateway = Gateway(records, samples, clock, jumonc=options)
    try:
        with TestClient(gateway.app, BASE, raise_server_exceptions=False) as client:
            yield OldClient(client, gateway, options.prefix)
    finally:
        gateway.broker.close()


@contextmanager
def own_stores(directory: Path) -> Iterator[tuple[Records, SampleStore]]:
    """Stores for the tests of one file that share a gateway."""
    records = Records(f"sqlite:///{directory}/records.sqlite")
    records.migrate()
    samples = open_sample_store(f"duckdb:///{directory}/samples.duckdb")
    yield records, samples
    samples.close()
    records.close()


def report(gateway: Gateway, *hostnames: str, interval_seconds: float = 10) -> None:
    """Let agents have said what their nodes are."""
    gateway.record(
        *(
            NodeReported(
                cluster=CLUSTER,
                hostname=name,
                interval_seconds=interval_seconds,
                cpu_model="EPYC",
                sockets=2,
                cores=8,
                hwthreads=16,
            )
            for name in hostnames
        )
    )


def measure(
    samples: SampleStore,
    hostnames: Sequence[str],
    seconds: Sequence[int],
    values: dict[str, float] | None = None,
) -> None:
    """Let every metric of the form have samples: what ``values`` says, else 1."""
    values = values or {}
    lines: list[str] = []
    for name in hostnames:
        for second in seconds:
            for metric, tags in _series():
                value = values.get(metric, 1.0)
                lines.append(a_line(metric, value, second, cluster=CLUSTER, hostname=name, **tags))
    samples.write([a_body(*lines)])


def _series() -> Iterator[tuple[str, dict[str, str]]]:
    for layer in LAYERS:
        for leaf in layer.leaves:
            if leaf.kind == "counter":
                yield from ((m, {"stype": "device", "stype_id": "sda"}) for m in leaf.metrics)
            elif leaf.kind != "fact":
                yield from ((metric, {}) for metric in leaf.metrics)
    for ways in network.TYPES.values():
        for metric in ways:
            yield from ((metric, {"stype": "network", "stype_id": i}) for i in INTERFACES)
    for metric in sorted({query.metric for query in (gpu.STATUS | gpu.CONFIG).values()}):
        yield from ((metric, {"type": "accelerator", "type_id": i}) for i in ("0", "1"))


LEVEL_NAMES = tuple(level.name for level in LEVELS)
