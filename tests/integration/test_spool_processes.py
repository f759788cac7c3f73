"""Spools with real processes: several writers, killed at any moment, with a real broker that is killed."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from pilothouse_common.broker.carrier import open_publisher
from pilothouse_common.broker.drain import Drain
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import INGEST_EVENTS

from tests.support.brokers import an_event, receive
from tests.support.process import eventually
from tests.support.rabbitmq import RabbitServer

WRITER = """
import sys
from pathlib import Path
from pilothouse_common.broker.spool import Spool
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange
spool = Spool(Path(sys.argv[1]), host=sys.argv[2])
for number in range(100_000):
    body = f"{sys.argv[2]} {number}".encode().ljust(3000)
    spool.publish([Message(Exchange.EVENTS, "k", body, "text/plain")])
    print(number, flush=True)
"""


class Noting:
    """A carrier that notes what it took."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def publish(self, messages: Sequence[Message]) -> None:
        self.bodies += [m.body.decode().strip() for m in messages]

    def close(self) -> None:
        """Nothing to release."""


def test_writers_killed_at_any_moment_lose_nothing_that_they_were_told_is_safe(tmp_path: Path):
    spool = tmp_path / "spool"
    rng = random.Random(7)
    carrier = Noting()
    stop = threading.Event()
    told: dict[str, int] = {}

    def drain() -> None:
        with Drain(spool, carrier) as drain:
            assert drain.acquire()
            while not stop.is_set():
                drain.drain(stop=stop.is_set)
                drain.wait(0.05)
            drain.drain()

    drainer = threading.Thread(target=drain)
    drainer.start()
    for round_ in range(4):
        writers = {
            f"w{round_}{n}": subprocess.Popen(
                [sys.executable, "-c", WRITER, str(spool), f"w{round_}{n}"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(3)
        }
        for name, writer in writers.items():
            assert writer.stdout is not None
            for _ in range(rng.randrange(1, 40)):
                told[name] = int(writer.stdout.readline())
        for name, writer in writers.items():
            writer.send_signal(signal.SIGKILL)
            rest, _ = writer.communicate()
            told[name] = int(rest.split("\n")[-2]) if "\n" in rest else told[name]
    stop.set()
    drainer.join(30)

    for name, last in told.items():
        numbers = [int(body.split()[1]) for body in carrier.bodies if body.split()[0] == name]
        assert numbers == list(range(len(numbers))), "in order, each once"
        assert len(numbers) >= last + 1
    assert not list((spool / "events").glob("*.msg"))
    assert not (spool / "quarantine").exists()


def test_a_publisher_with_a_spool_loses_nothing_while_the_broker_is_killed(
    tmp_path: Path, rabbitmq: RabbitServer, rabbitmq_url: str
):
    publisher = open_publisher(rabbitmq_url, spool_dir=tmp_path, timeout_seconds=1)
    sent = 0

    def publish(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            publisher.publish([an_event(sent)])
            sent += 1

    publish(50)
    rabbitmq.kill()
    publish(200)
    spooled = len(list((tmp_path / "events").glob("*.msg")))
    rabbitmq.start()
    publish(50)
    eventually(lambda: not list((tmp_path / "events").glob("*.msg")), within=30)
    publish(20)
    publisher.close()

    broker = RabbitBroker(rabbitmq_url)
    consumer = broker.consumer(INGEST_EVENTS, prefetch=2000)
    got: list[int] = []
    while sent - 1 not in got:
        got += [int(d.message.body.split()[1]) for d in receive(consumer, 1)]
    broker.close()
    assert spooled >= 199
    assert list(dict.fromkeys(got)) == list(range(sent))


def test_two_drainers_take_turns(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path\n"
        "from pilothouse_common.broker.drain import Drain\n"
        "from pilothouse_common.broker.memory import MemoryBroker\n"
        "d = Drain(Path(sys.argv[1]), MemoryBroker().publisher())\n"
        "print(d.acquire(), flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ.copy(),
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"

    with Drain(tmp_path, MemoryBroker().publisher()) as drain:
        before = drain.acquire()
        other.kill()
        other.communicate()
        eventually(drain.acquire, within=5)

    assert not before
