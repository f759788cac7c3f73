"""Commands from an outside broker reach this allocation's runs; replies go to whoever asked."""

import threading
from collections.abc import Iterator

import pytest
from pilothouse_api.runs.asker import CommandAsker
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import Broker, Disposition
from pilothouse_common.contract.commands import (
    Reply,
    VariableGet,
    decode_command,
    reply_message,
)
from pilothouse_common.contract.topology import commands_of
from pilothouse_common.errors import Conflict
from pilothouse_standalone.job.bridge import BridgedBroker

from tests.support.process import eventually

RUN = "n1.abcdef"


class Agent:
    """Answers every command with the name that it asked for."""

    def __init__(self, broker: Broker) -> None:
        self.asked: list[str] = []
        self._broker = broker
        self._stop = threading.Event()
        self._consumer = broker.consumer(commands_of("n1"), prefetch=8)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        publisher = self._broker.publisher()
        while not self._stop.is_set():
            delivery = self._consumer.receive(0.1)
            if delivery is None:
                continue
            self._consumer.settle([delivery], Disposition.ACK)
            command = decode_command(delivery.message.body)
            assert isinstance(command.arguments, VariableGet)
            self.asked.append(command.subject)
            reply = Reply(command_id=command.id, ok=True, value=command.arguments.name)
            publisher.publish([reply_message(command, reply)])

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)


@pytest.fixture
def brokers() -> Iterator[tuple[MemoryBroker, MemoryBroker, BridgedBroker]]:
    inside, outside = MemoryBroker(confirm="settled"), MemoryBroker()
    bridged = BridgedBroker(inside, outside)
    yield inside, outside, bridged
    bridged.close()
    inside.close()


def ask(broker: Broker, subject: str) -> object:
    asker = CommandAsker(broker)
    try:
        return asker.ask(RUN, VariableGet(name="dt"), subject=subject, timeout_seconds=5).value
    finally:
        asker.close()


def test_both_sides_ask_and_each_gets_its_reply(brokers):
    inside, outside, bridged = brokers
    agent = Agent(bridged)
    try:
        assert ask(inside, "rank 0's gateway") == "dt"
        assert eventually(lambda: ask(outside, "the central gateway"), within=10) == "dt"
    finally:
        agent.close()

    assert set(agent.asked) == {"rank 0's gateway", "the central gateway"}


def test_without_a_run_nobody_takes_commands_on_either_side(brokers):
    inside, outside, _ = brokers

    for broker in (inside, outside):
        with pytest.raises(Conflict, match="no agent takes commands"):
            ask(broker, "anybody")


def test_the_outside_going_away_leaves_the_inside_working(brokers):
    inside, outside, bridged = brokers
    agent = Agent(bridged)
    try:
        outside.close()

        assert ask(inside, "rank 0's gateway") == "dt"
    finally:
        agent.close()
