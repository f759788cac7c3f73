"""The services as real processes on real servers, and a client that speaks the gateway's language."""

import contextlib
import json
import secrets
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.influxdb import InfluxServer, new_bucket, running_influx_server, with_bucket
from tests.support.postgres import Databases, Postgres, private_postgres
from tests.support.process import Program, eventually, free_port
from tests.support.rabbitmq import RabbitServer, rabbit_server

CLUSTER = "alpha"


class Client:
    """A caller of the gateway."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def get(self, path: str, **query: object) -> Any:
        """Return the decoded answer; raise AssertionError with the problem for any but 200."""
        text = urllib.parse.urlencode({k: v for k, v in query.items() if v is not None}, doseq=True)
        return self.send("GET", f"{path}?{text}" if text else path)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """Send a request; return the decoded answer."""
        request = urllib.request.Request(
            self.url + path,
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content_type},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
        except urllib.error.HTTPError as exc:
            with exc:
                raise AssertionError(f"{method} {path}: {exc.code} {exc.read().decode()}") from exc
        return json.loads(text) if text else None

    def every(self, path: str, **query: object) -> list[dict[str, Any]]:
        """Return the items of all pages."""
        items: list[dict[str, Any]] = []
        answer = self.get(path, **query)
        while True:
            items += answer["items"]
            if not answer["next"]:
                return items
            answer = self.get(answer["next"])


class Stack:
    """Servers and services of one test; everything can be killed and started again.

    Attributes:
        rabbitmq: The broker's server.
        postgres: The record store's server.
        influxdb: The sample store's server.
        client: An administrator.
    """

    def __init__(
        self, directory: Path, rabbitmq: RabbitServer, postgres: Postgres, influxdb: InfluxServer
    ) -> None:
        self.directory = directory
        self.rabbitmq, self.postgres, self.influxdb = rabbitmq, postgres, influxdb
        self.broker_url = rabbitmq.new_vhost()
        self._databases = Databases(postgres.url())
        self.records_url = self._databases.empty()
        self.samples_url = with_bucket(influxdb.url(), new_bucket())
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._programs: dict[str, Program] = {}
        self.environment = {
            "PILOTHOUSE_CLUSTER": CLUSTER,
            "PILOTHOUSE_BROKER_URL": self.broker_url,
            "PILOTHOUSE_RECORDS_URL": self.records_url,
            "PILOTHOUSE_SAMPLES_URL": self.samples_url,
            "PILOTHOUSE_TOKEN_KEY": secrets.token_hex(32),
            "PILOTHOUSE_API_PORT": str(self.port),
        }

    def start(self, service: str, *arguments: str, name: str = "", **environment: str) -> Program:
        """Start one process of a service under a name (default: the service's)."""
        name = name or service
        program = Program(
            [sys.executable, "-m", f"pilothouse_{service}", *arguments],
            log=self.directory / f"{name}.log",
            env={**self.environment, **environment},
        )
        self._programs[name] = program
        return program.start()

    def start_core(self, *, workers: int = 1) -> Client:
        """Start ingest and gateway; return a client with every scope."""
        for number in range(workers):
            self.start("ingest", name=f"ingest-{number}")
        api = self.start("api")
        api.wait_ready(lambda: _answers(f"{self.url}/readyz"), within=30)
        return self.client_for("admin", "full")

    def client_for(self, subject: str, *scopes: str) -> Client:
        """Return a client with a token of its own, made as an operator would."""
        command = [sys.executable, "-m", "pilothouse_api", "token", "create", "--subject", subject]
        for scope in scopes:
            command += ["--scope", scope]
        done = subprocess.run(
            command,
            env={**self.environment, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Client(self.url, done.stdout.strip().splitlines()[-1])

    def __getitem__(self, name: str) -> Program:
        return self._programs[name]

    def close(self) -> None:
        """Kill every process; the servers belong to the fixtures."""
        for program in self._programs.values():
            program.kill()
        self._databases.drop_all()

    def output(self) -> str:
        """Return the end of every log, for failures."""
        return "\n".join(f"--- {n}\n{p.output()[-1500:]}" for n, p in self._programs.items())


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def own_servers() -> Iterator[tuple[RabbitServer, Postgres, InfluxServer]]:
    """Servers that a module may kill without harming other tests."""
    with (
        rabbit_server() as rabbitmq,
        private_postgres() as postgres,
        contextlib.contextmanager(running_influx_server)() as influxdb,
    ):
        yield rabbitmq, postgres, influxdb


@pytest.fixture
def stack(
    tmp_path: Path, own_servers: tuple[RabbitServer, Postgres, InfluxServer]
) -> Iterator[Stack]:
    """A fresh vhost, database and bucket, and no process yet."""
    stack = Stack(tmp_path, *own_servers)
    try:
        yield stack
    finally:
        stack.close()


__all__ = ["CLUSTER", "Client", "Stack", "eventually", "own_servers", "stack"]
