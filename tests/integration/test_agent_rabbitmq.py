"""The agent process and a real RabbitMQ: samples and the node's report arrive, through outages too."""

import sys
import time
from pathlib import Path

import pytest
from pilothouse_common.broker.carrier import open_broker
from pilothouse_common.broker.port import Disposition
from pilothouse_common.contract.events import NodeReported, decode_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import decompress, parse_lines
from pilothouse_common.contract.topology import INGEST_EVENTS, INGEST_SAMPLES, Queue

from tests.support.process import Program, eventually


class Inbox:
    """Takes what arrives in one queue."""

    def __init__(self, url: str, queue: Queue) -> None:
        self._broker = open_broker(url, name="inbox")
        self._consumer = self._broker.consumer(queue, prefetch=10)
        self.messages: list[Message] = []

    def look(self) -> list[Message]:
        delivery = self._consumer.receive(0.2)
        if delivery is not None:
            self._consumer.settle([delivery], Disposition.ACK)
            self.messages.append(delivery.message)
        return self.messages

    def close(self) -> None:
        self._consumer.close()
        self._broker.close()


@pytest.fixture
def inboxes(rabbitmq_url):
    made = {queue.name: Inbox(rabbitmq_url, queue) for queue in (INGEST_SAMPLES, INGEST_EVENTS)}
    for inbox in made.values():
        inbox.look()  # declares the queue
    yield made[INGEST_SAMPLES.name], made[INGEST_EVENTS.name]
    for inbox in made.values():
        inbox.close()


@pytest.fixture
def agent(rabbitmq_url, tmp_path):
    env = {
        "PILOTHOUSE_BROKER_URL": rabbitmq_url,
        "PILOTHOUSE_HOSTNAME": "n01",
        "PILOTHOUSE_INTERVAL_SECONDS": "1",
        "PILOTHOUSE_SPOOL_DIR": str(tmp_path / "spool"),
    }
    argv = [sys.executable, "-m", "pilothouse_agent"]
    program = Program(argv, log=Path(tmp_path / "agent.log"), env=env)
    yield program
    program.stop()


def test_samples_and_the_report_arrive(agent, inboxes):
    samples, events = inboxes

    agent.start()
    [message, *_] = eventually(samples.look, within=30)
    [event, *_] = eventually(events.look, within=30)

    points = list(parse_lines(decompress(message.body).decode()))
    assert message.routing_key == "cluster.n01"
    assert abs(points[0].time_seconds - time.time()) < 60
    assert len({p.time_seconds for p in points}) == 1
    assert isinstance(decode_event(event.body).data, NodeReported)


def test_the_report_is_not_lost_when_the_broker_is_away_at_the_start(
    rabbitmq, agent, inboxes, tmp_path
):
    samples, events = inboxes
    rabbitmq.stop()
    agent.start()
    eventually(lambda: list((tmp_path / "spool" / "events").glob("*.msg")), within=60)

    rabbitmq.start()
    [event, *_] = eventually(events.look, within=90)

    times = [
        {p.time_seconds for p in parse_lines(decompress(m.body).decode())}.pop()
        for m in eventually(lambda: samples.look() if len(samples.look()) > 5 else [], within=60)
    ]
    assert isinstance(decode_event(event.body).data, NodeReported)
    assert set(range(min(times), max(times) + 1)) - set(times) == set()


def test_an_agent_outlives_a_restart_of_the_broker(rabbitmq, agent, inboxes):
    samples, _ = inboxes
    agent.start()
    eventually(samples.look, within=30)

    rabbitmq.kill()
    rabbitmq.start()
    before = len(samples.messages)

    assert eventually(lambda: len(samples.look()) > before + 3, within=90)
    assert agent.running
