"""Publishing in a thread: never blocks the caller, bounded, events are never lost."""

import logging
import threading

import pytest
from pilothouse_agent.outbox import Outbox
from pilothouse_common.backoff import Backoff
from pilothouse_common.contract.events import NodeReported, event_message, new_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import samples_message
from pilothouse_common.errors import BrokerUnavailable

from tests.support.process import eventually
from tests.unit.agent.tree import values


class Carrier:
    """A publisher in this process that a test can stop and break."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.gate = threading.Event()
        self.gate.set()
        self.problem: Exception | None = None

    def publish(self, messages):
        self.gate.wait(30)
        if self.problem:
            raise self.problem
        self.taken.extend(messages)

    def close(self):
        self.gate.set()


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def outbox(carrier):
    outbox = Outbox(carrier, capacity=3, backoff=Backoff(0.01, 0.02))
    yield outbox
    carrier.gate.set()
    outbox.close()


def message(n: int):
    return samples_message("alpha.n01", f"x value={n} 1\n".encode())


def report(**fields):
    return event_message(
        new_event(NodeReported(cluster="alpha", hostname="n01", **fields), source="t")
    )


def test_messages_are_published_in_order(outbox, carrier):
    sent = [message(n) for n in range(3)]

    for m in sent:
        outbox.put(m)

    assert eventually(lambda: carrier.taken == sent, within=5)


def test_a_slow_carrier_never_blocks_and_the_oldest_samples_go(outbox, carrier):
    carrier.gate.clear()
    sent = [message(n) for n in range(10)]

    for m in sent:
        outbox.put(m)
    dropped = values(outbox.samples())["agent_dropped_messages"]
    carrier.gate.set()

    assert eventually(lambda: carrier.taken and carrier.taken[-1] is sent[-1], within=5)
    assert dropped >= 6
    assert carrier.taken[-3:] == sent[-3:]


def test_a_broken_carrier_is_tried_again_and_told_once(outbox, carrier, caplog):
    caplog.set_level(logging.INFO)
    carrier.problem = BrokerUnavailable("no route")
    outbox.put(message(1))
    eventually(lambda: caplog.records, within=5)

    with pytest.raises(Exception, match="no route"):
        outbox.check()
    carrier.problem = None

    assert eventually(lambda: carrier.taken, within=5)
    assert eventually(lambda: len(caplog.records) == 2, within=5)
    assert [r.message for r in caplog.records] == ["cannot publish", "publishing again"]
    outbox.check()


def test_a_carrier_that_breaks_in_an_odd_way_does_not_end_publishing(outbox, carrier):
    carrier.problem = ZeroDivisionError()
    outbox.put(message(1))
    eventually(lambda: outbox._problem, within=5)

    carrier.problem = None

    assert eventually(lambda: carrier.taken, within=5)


def test_a_report_outlives_any_number_of_samples(outbox, carrier):
    carrier.problem = BrokerUnavailable("away")
    outbox.put(report(kernel="old"))
    outbox.put(newest := report(kernel="new"))
    for n in range(50):
        outbox.put(message(n))

    carrier.problem = None

    assert eventually(lambda: newest in carrier.taken, within=5)


def test_closing_publishes_what_waits(carrier):
    outbox = Outbox(carrier)
    outbox.put(m := message(1))

    outbox.close()

    assert carrier.taken == [m]


def test_closing_with_a_dead_carrier_ends_in_time(carrier):
    carrier.problem = BrokerUnavailable("away")
    outbox = Outbox(carrier, backoff=Backoff(30, 30))
    outbox.put(message(1))

    outbox.close(within_seconds=10)

    assert not outbox._thread.is_alive()
