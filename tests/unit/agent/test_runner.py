"""The loop: one message per tick with its time, one report at the start, on change and hourly."""

import pytest
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.outbox import Outbox
from pilothouse_agent.report import Reporter
from pilothouse_agent.runner import Runner
from pilothouse_agent.schedule import Schedule
from pilothouse_agent.sweep import Sweep, make_collectors
from pilothouse_common.contract.events import NodeReported, decode_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import SampleEncoder, decompress, parse_lines
from pilothouse_common.contract.topology import Exchange

from tests.unit.agent.test_outbox import Carrier
from tests.unit.agent.tree import Tree, small


class Agent:
    """A runner over a recorded tree with a carrier in this process."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.carrier = Carrier()
        self.outbox = Outbox(self.carrier, capacity=1000)
        collectors = make_collectors(COLLECTORS, tree.host, Options())
        self.sweep = Sweep(collectors, deadline_seconds=30)
        self.runner = Runner(
            schedule=Schedule(tree.clock, 10),
            sweep=self.sweep,
            encoder=SampleEncoder("alpha", "n01"),
            reporter=Reporter(
                tree.host,
                cluster="alpha",
                hostname="n01",
                interval_seconds=10,
                collectors=lambda: self.sweep.names,
                version="1.2.3",
            ),
            outbox=self.outbox,
        )

    def ticks(self, count: int) -> None:
        waits = 0

        def wait(seconds: float) -> bool:
            nonlocal waits
            waits += 1
            self.tree.clock.advance(seconds)
            return waits > count

        self.runner.loop(wait)

    def published(self, exchange: Exchange) -> list[Message]:
        self.outbox.close()
        return [m for m in self.carrier.taken if m.exchange is exchange]


@pytest.fixture
def agent(tmp_path):
    agent = Agent(small(tmp_path))
    yield agent
    agent.outbox.close()
    agent.sweep.close()


def test_every_tick_is_one_message_with_the_time_of_the_tick(agent):
    agent.ticks(3)

    texts = [decompress(m.body).decode() for m in agent.published(Exchange.SAMPLES)]
    times = [{point.time_seconds for point in parse_lines(text)} for text in texts]
    assert times == [{1_700_000_010}, {1_700_000_020}, {1_700_000_030}]


@pytest.mark.parametrize(("start", "first"), [(1_700_000_002, 10), (1_700_000_009, 20)])
def test_the_first_message_has_rates_over_half_an_interval_at_least(tmp_path, start, first):
    tree = small(tmp_path)
    tree.clock.wall = float(start)
    agent = Agent(tree)

    def wait(seconds: float) -> bool:
        tree.clock.advance(seconds)
        return False

    agent.runner.warm_up(wait)
    agent.ticks(1)
    [message] = agent.published(Exchange.SAMPLES)
    agent.sweep.close()

    points = list(parse_lines(decompress(message.body).decode()))
    assert {point.time_seconds for point in points} == {1_700_000_000 + first}
    assert "interrupts" in {point.name for point in points}


def test_a_message_is_routed_by_cluster_and_host(agent):
    agent.ticks(1)

    [message] = agent.published(Exchange.SAMPLES)
    assert message.routing_key == "alpha.n01"


def test_the_node_is_reported_once_in_an_hour(agent):
    agent.ticks(300)

    [message] = agent.published(Exchange.EVENTS)
    node = decode_event(message.body).data
    assert isinstance(node, NodeReported)
    assert (node.sockets, node.cores, node.hwthreads) == (1, 1, 2)
    assert node.memory_bytes == 24684092 * 1024
    assert (node.cpu_model, node.kernel, node.architecture) == ("AMD EPYC", "6.18.44", "x86_64")
    assert node.os == "Debian GNU/Linux 12 (bookworm)"
    assert node.boot_time is not None
    assert (node.interval_seconds, node.agent_version) == (10, "1.2.3")
    assert node.collectors is not None
    assert "memory" in node.collectors


def test_accelerators_are_reported_as_their_drivers_list_them(agent):
    for bus, model in (("0000:3b:00.0", "NVIDIA L40S"), ("0000:af:00.0", "NVIDIA L40S")):
        path = f"proc/driver/nvidia/gpus/{bus}/information"
        agent.tree.write(path, f"Model: \t\t {model}\nIRQ:   \t\t 35\n")
    agent.tree.overlay("amd", "before")

    agent.ticks(1)

    [message] = agent.published(Exchange.EVENTS)
    node = decode_event(message.body).data
    assert isinstance(node, NodeReported)
    assert (node.gpus, node.gpu_models) == (4, ["AMD Instinct MI210", "NVIDIA L40S"])


def test_a_change_of_the_node_is_reported_within_minutes(agent):
    agent.ticks(10)
    agent.tree.write("proc/sys/kernel/osrelease", "6.19.1\n")
    agent.ticks(10)
    agent.ticks(400)

    nodes = [decode_event(m.body).data for m in agent.published(Exchange.EVENTS)]
    kernels = [node.kernel for node in nodes if isinstance(node, NodeReported)]
    assert kernels[0] == "6.18.44"
    assert kernels[1:] in (["6.19.1"], ["6.19.1", "6.19.1"])
