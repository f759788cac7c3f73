"""The gateway as its own process over RabbitMQ, PostgreSQL and InfluxDB: started, used, stopped."""

import http.client
import json
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pilothouse_common.broker.gateway import GatewayPublisher
from pilothouse_common.broker.port import Broker, Delivery
from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.contract.events import JobStarted, event_message, new_event
from pilothouse_common.contract.samples import samples_message
from pilothouse_common.contract.topology import INGEST_EVENTS, INGEST_SAMPLES, Queue
from pilothouse_common.errors import Unauthenticated
from pilothouse_common.store.records import Records, record_events

from tests.support.api import KEY
from tests.support.influxdb import new_bucket, with_bucket
from tests.support.process import Program, eventually, free_port, listening
from tests.support.samples import a_line

NOWHERE = {
    "PILOTHOUSE_BROKER_URL": "amqp://guest:hidden-word@127.0.0.1:1/",
    "PILOTHOUSE_SAMPLES_URL": "influxdb://127.0.0.1:1/b",
    "PILOTHOUSE_RECORDS_URL": "postgresql://u:hidden-word@127.0.0.1:1/d",
    "PILOTHOUSE_TOKEN_KEY": KEY,
}


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pilothouse_api", *arguments],
        env={"USER": "tester", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Served:
    """A running gateway."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self.env = {**env, "PILOTHOUSE_API_PORT": str(free_port())}
        self.port = int(self.env["PILOTHOUSE_API_PORT"])
        argv = [sys.executable, "-m", "pilothouse_api"]
        self.program = Program(argv, log=log, env=self.env).start()
        self.program.wait_ready(lambda: listening(self.port), within=30)

    def get(self, path: str, token: str = "") -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        return answer.status, body


@pytest.fixture
def real(
    rabbitmq_url: str, postgres_url: str, influx_base_url: str, tmp_path: Path
) -> Iterator[Served]:
    served = Served(
        {
            "PILOTHOUSE_BROKER_URL": rabbitmq_url,
            "PILOTHOUSE_RECORDS_URL": postgres_url,
            "PILOTHOUSE_SAMPLES_URL": with_bucket(influx_base_url, new_bucket()),
            "PILOTHOUSE_TOKEN_KEY": KEY,
        },
        tmp_path / "log",
    )
    yield served
    served.program.kill()


@pytest.fixture
def token(real: Served) -> str:
    return run("token", "create", "--subject", "root", "--scope", "full", **real.env).stdout.strip()


def take(broker: Broker, queue: Queue) -> Delivery:
    consumer = broker.consumer(queue, prefetch=1)
    delivery = eventually(lambda: consumer.receive(0.5), within=10)
    assert delivery is not None
    consumer.close()
    return delivery


def test_it_serves_what_its_token_may_see(real: Served, token: str) -> None:
    ready = eventually(lambda: real.get("/readyz")[0] == 200, within=20)
    records = Records(real.env["PILOTHOUSE_RECORDS_URL"])
    now = datetime.now(UTC)
    start = JobStarted(cluster="alex", job_id=7, start_time=now, user="alice", nodes=["node01"])
    with records.session() as session:
        record_events(session, [new_event(start, source="test")], now=now)
    records.close()

    status, page = real.get("/v1/jobs", token)

    assert ready
    assert (status, [job["job_id"] for job in page["items"]]) == (200, [7])
    assert real.get("/v1/jobs")[0] == 401


def test_the_https_carrier_reaches_the_broker(real: Served, token: str) -> None:
    gateway = GatewayPublisher(f"http://127.0.0.1:{real.port}", token=token)
    start = JobStarted(cluster="alex", job_id=7, start_time=datetime.now(UTC), nodes=["node01"])
    event = event_message(new_event(start, source="hook"))
    samples = samples_message("alex.node01", f"{a_line()}\n".encode())
    broker = RabbitBroker(real.env["PILOTHOUSE_BROKER_URL"])

    gateway.publish([event, samples])

    assert take(broker, INGEST_EVENTS).message.body == event.body
    assert take(broker, INGEST_SAMPLES).message.body == samples.body
    stranger = GatewayPublisher(f"http://127.0.0.1:{real.port}", token="x")
    with pytest.raises(Unauthenticated):
        stranger.publish([event])
    stranger.close()
    gateway.close()
    broker.close()


def test_sigterm_ends_it_in_time_while_streams_are_open(real: Served, token: str) -> None:
    connections = []
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", real.port, timeout=20)
        connection.request("GET", "/v1/live", headers={"X-Auth-Token": token})
        answer = connection.getresponse()
        assert answer.readline().startswith(b"retry")
        connections.append((connection, answer))

    real.program.signal(signal.SIGTERM)
    rest = [answer.read() for _, answer in connections]
    for connection, answer in connections:
        answer.close()
        connection.close()
    eventually(lambda: not real.program.running, within=10)
    code = real.program.stop()

    assert code == 0, real.program.output()
    assert all(text.endswith(b"\n\n") for text in rest)
    assert "Traceback" not in real.program.output()


def test_neither_token_nor_password_is_in_its_log(real: Served, token: str) -> None:
    real.get(f"/login?code={token}")
    real.get("/v1/jobs", token)
    real.program.stop()

    log = real.program.output()

    assert token not in log
    assert token.rpartition(".")[2] not in log
    assert KEY not in log


def test_without_its_parts_it_lives_and_says_so(tmp_path: Path) -> None:
    served = Served(NOWHERE, tmp_path / "log")
    try:
        token = "e30.e30.e30"
        assert served.get("/healthz")[0] == 200
        status, parts = served.get("/readyz")
        assert status == 503
        assert parts == dict.fromkeys(("broker", "records", "samples"), "unavailable")
        assert served.get("/v1/jobs", token)[0] == 401
        assert served.program.stop(within=15) == 0
        assert "hidden-word" not in served.program.output()
    finally:
        served.program.kill()


def test_help_teaches_how_to_begin() -> None:
    assert "PILOTHOUSE_TOKEN_KEY" in run("--help").stdout
    assert "--lifetime" in run("token", "create", "--help").stdout


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("PILOTHOUSE_TOKEN_KEY", None, "set PILOTHOUSE_TOKEN_KEY"),
        ("PILOTHOUSE_TOKEN_KEY", "hidden-word", "need at least 32"),
        ("PILOTHOUSE_TOKEN_KEY_FILE", "/none/such", "/none/such"),
        ("PILOTHOUSE_BROKER_URL", "spool:/tmp/x", "scheme 'spool'"),
        ("PILOTHOUSE_SAMPLES_URL", "redis://hidden-word@x", "sample store"),
        ("PILOTHOUSE_RECORDS_URL", "mysql://hidden-word@x/y", "records URL"),
        ("PILOTHOUSE_API_PORT", "99999", "PILOTHOUSE_API_PORT"),
        ("PILOTHOUSE_API_HOST", "203.0.113.1", "cannot listen"),
        ("PILOTHOUSE_PUBLIC_URL", "ftp://x", "PILOTHOUSE_PUBLIC_URL"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(
    setting: str, value: str | None, words: str
) -> None:
    env: dict[str, str | None] = {**NOWHERE, "PILOTHOUSE_API_PORT": "0", setting: value}
    if setting.endswith("_FILE"):
        env["PILOTHOUSE_TOKEN_KEY"] = None

    done = run(**{k: v for k, v in env.items() if v is not None})

    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hidden-word" not in done.stderr


def test_tokens_are_managed_from_the_command_line(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(stat.S_IRUSR)
    env = {
        "PILOTHOUSE_RECORDS_URL": f"sqlite:///{tmp_path}/records.sqlite",
        "PILOTHOUSE_TOKEN_KEY_FILE": str(key),
    }

    made = run(
        *("token", "create", "--subject", "agents", "--scope", "samples:write", "events:write"),
        *("--restrict", "cluster=alex", "job_id=7", "--lifetime", "2h"),
        **env,
    )
    listed = run("token", "list", **env)
    jti = listed.stdout.split("\t")[0]
    revoked = run("token", "revoke", jti, **env)
    again = run("token", "list", "--subject", "agents", **env)

    assert made.returncode == 0, made.stderr
    assert made.stdout.count(".") == 2
    assert "agents" in listed.stdout
    assert revoked.returncode == 0
    assert "revoked" in again.stdout
    assert run("token", "revoke", "none", **env).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scope", "nonsense"), "unknown scope 'nonsense'"),
        (("--scope", "full", "--lifetime", "soon"), "--lifetime 'soon'"),
        (("--scope", "full", "--restrict", "planet=earth"), "--restrict"),
        (("--scope", "full", "--restrict", "job_id=x"), "--restrict"),
    ],
)
def test_a_wrong_wish_for_a_token_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run(
        *("token", "create", "--subject", "root", *arguments),
        PILOTHOUSE_RECORDS_URL=f"sqlite:///{tmp_path}/records.sqlite",
        PILOTHOUSE_TOKEN_KEY=KEY,
    )

    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
