"""The hook straight to a broker or gateway: delivered while it answers, else spooled, always in time."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pilothouse_agent.hook.__main__ import main
from pilothouse_common.broker.carrier import open_broker
from pilothouse_common.contract.events import decode_event
from pilothouse_common.contract.topology import INGEST_EVENTS

from tests.support.process import free_port
from tests.support.rabbitmq import RabbitServer
from tests.support.spooled import SpooledEvents

STARTED = {"SLURM_SCRIPT_CONTEXT": "prolog_slurmctld", "SLURM_JOB_ID": "7"}


class Hook:
    def __init__(self, directory: Path, broker_url: str) -> None:
        self.directory = directory
        self.spool = SpooledEvents(directory / "spool")
        assert main(["install", "--dir", str(directory), "--broker-url", broker_url,
                     "--spool-dir", str(directory / "spool"),
                     "--state-dir", str(directory / "state")]) == 0  # fmt: skip

    def call(self) -> tuple[float, str]:
        begin = time.monotonic()
        done = subprocess.run(
            [self.directory / "pilothouse-hook"],
            env=STARTED,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        seconds = time.monotonic() - begin
        assert done.returncode == 0
        assert done.stdout == ""
        return seconds, done.stderr


def test_an_event_goes_straight_to_rabbitmq(rabbitmq: RabbitServer, tmp_path):
    url = rabbitmq.new_vhost()
    hook = Hook(tmp_path, url)

    _, said = hook.call()

    assert said == ""
    assert hook.spool.all() == []
    broker = open_broker(url)
    consumer = broker.consumer(INGEST_EVENTS, prefetch=1)
    delivery = consumer.receive(10)
    broker.close()
    assert delivery is not None
    event = decode_event(delivery.message.body)
    assert (event.type, delivery.message.message_id) == ("job.started", event.id)


@pytest.fixture(name="silent_port")
def a_port_that_accepts_and_never_answers() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "url",
    [
        "amqp://guest:topsecret@127.0.0.1:{dead}/",
        "amqp://guest:topsecret@127.0.0.1:{silent}/",
        "amqp://guest:topsecret@10.255.255.1/",
        "amqp://guest:topsecret@name.invalid/",
        "https://topsecret@127.0.0.1:{dead}/",
        "https://topsecret@127.0.0.1:{silent}/",
        "amqp://guest:topsecret@[/",
    ],
)
def test_with_a_broken_broker_the_event_is_spooled_within_a_second(tmp_path, url, silent_port):
    hook = Hook(tmp_path, url.format(dead=free_port(), silent=silent_port))

    seconds, said = hook.call()

    assert seconds < 1
    assert [event.type for event in hook.spool.all()] == ["job.started"]
    assert "it is spooled" in said
    assert "topsecret" not in said
    assert "Traceback" not in said


def test_an_event_goes_straight_to_the_gateway(tmp_path):
    taken: list[tuple[str, str, bytes]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.path, self.headers["Authorization"], body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    hook = Hook(tmp_path, f"http://secret@127.0.0.1:{server.server_address[1]}")

    _, said = hook.call()

    thread.join()
    server.server_close()
    assert said == ""
    [(path, authorization, body)] = taken
    assert (path, authorization) == ("/v1/events", "Bearer secret")
    assert decode_event(body).type == "job.started"
    assert hook.spool.all() == []


def test_a_password_is_kept_in_a_file_that_only_its_owner_reads(tmp_path):
    hook = Hook(tmp_path, "amqp://guest:topsecret@127.0.0.1:1/")

    assert (hook.directory / "pilothouse-hook.conf").stat().st_mode & 0o077 == 0
    for name in ("pilothouse-hook", "pilothouse-hook.py"):
        assert "topsecret" not in (hook.directory / name).read_text()
