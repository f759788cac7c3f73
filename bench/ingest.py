"""RabbitMQ to InfluxDB through ingest, beside the same batches posted straight to the same InfluxDB.

One private RabbitMQ and one private InfluxDB; ingest is the real process. The queue is filled while ingest
is stopped (SIGSTOP); it is then let go, and the time taken until every point can be asked for. The peer
posts the same bodies, joined in the same batches over as many connections. The two alternate.
"""

import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import Sample, SampleEncoder
from pilothouse_common.store.samples.influxdb import InfluxSampleStore
from pilothouse_common.store.samples.port import Selection
from pilothouse_ingest.settings import IngestSettings

from bench.report import Figure, progress, show
from tests.support.influxdb import InfluxServer, running_influx_server
from tests.support.ingest import ingest_program
from tests.support.process import Program, eventually
from tests.support.rabbitmq import RabbitServer, rabbit_server

CLUSTER = "bench"
MARKER = "bench_marker"
"""One sample of every message, so that counting them is cheap for the server."""
REPETITIONS = 6
MESSAGES = 2500
LARGE = 300
"""Samples of a node with 64 hardware threads and three metrics for each."""
SMALL = 60
"""Samples of a node that reports no hardware threads."""
NODES = 100
REST_SECONDS = 1.0
"""Between filling and measuring, on both sides: servers still write what they were given."""
LATENCY_SECONDS = 12.0
LATENCY_RATE = 50
"""Messages per second while the latency is taken: 500 nodes at 10 s."""


@dataclass
class Rig:
    """What is measured."""

    rabbit: RabbitServer
    influx: InfluxServer
    broker: RabbitBroker
    store: InfluxSampleStore
    program: Program
    settings: IngestSettings
    clock: int

    def next_times(self, count: int) -> int:
        """Return the first of so many seconds that no repetition has used."""
        begin = self.clock
        self.clock += count
        return begin

    def cpu_seconds(self) -> float:
        """CPU time of the ingest process so far, to the nanosecond."""
        total = 0
        for task in Path(f"/proc/{self.program.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def all_visible(self, begin: int, count: int) -> bool:
        """Tell whether every message can be asked for; until the last one is there, by that alone."""
        last = (f"node{(count - 1) % NODES:03}",)
        return self.markers(begin, count, last) >= count // NODES and (
            self.markers(begin, count) == count
        )

    def markers(self, begin: int, count: int, hostnames: tuple[str, ...] = ()) -> int:
        """Count the messages that can be asked for."""
        window = (datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(begin + count, UTC))
        marker = Selection(CLUSTER, MARKER, *window, hostnames=hostnames)
        rows = self.store.statistics(marker, over_nodes=True)
        return rows[0].count if rows else 0


def main() -> int:
    with rig() as it:
        warm_up(it)
        rates: dict[str, list[float]] = {"ours": [], "peer": []}
        cpu = []
        for number in range(REPETITIONS):
            progress(f"repetition {number + 1} of {REPETITIONS}")
            for which in ("ours", "peer") if number % 2 else ("peer", "ours"):
                if which == "ours":
                    rate, seconds = through_ingest(it, LARGE)
                    cpu.append(seconds)
                else:
                    rate = straight(it, LARGE)
                rates[which].append(rate)
        progress("small messages")
        small = [through_ingest(it, SMALL)[1] for _ in range(3)]
        progress(f"latency, {LATENCY_SECONDS:.0f} s")
        delays = latency(it)
        progress("")
    ours, peer = (statistics.median(rates[which]) for which in ("ours", "peer"))
    show(
        f"ingest: RabbitMQ to InfluxDB, {MESSAGES} messages x {LARGE} samples, "
        f"{REPETITIONS} repetitions each, medians",
        [
            Figure(
                "samples per second into InfluxDB",
                ours,
                peer,
                "same batches posted straight",
            ),
            Figure(
                "ours over peer's, median of neighbouring pairs",
                statistics.median(a / b for a, b in zip(rates["ours"], rates["peer"], strict=True)),
                aim=0.95,
                at_most=False,
            ),
            Figure(
                f"ingest CPU s per million samples ({LARGE} a message)",
                statistics.median(cpu),
                aim=0.1,
            ),
            Figure(
                f"ingest CPU s per million samples ({SMALL} a message)", statistics.median(small)
            ),
            Figure(
                f"published to queryable, p95, s ({LATENCY_RATE} messages/s)",
                quantile(delays, 0.95),
                aim=1.0,
            ),
            Figure("published to queryable, median, s", quantile(delays, 0.5)),
        ],
    )
    return 0


@contextmanager
def rig() -> Iterator[Rig]:
    progress("starting RabbitMQ and InfluxDB")
    with (
        rabbit_server() as rabbit,
        influx_server() as influx,
        tempfile.TemporaryDirectory() as home,
    ):
        samples_url = influx.url("bench")
        records_url = f"sqlite:///{home}/records.sqlite"
        broker = RabbitBroker(rabbit.url)
        broker.check()
        program = ingest_program(
            broker_url=rabbit.url,
            samples_url=samples_url,
            records_url=records_url,
            log=Path(home) / "log",
        ).start()
        settings = IngestSettings(
            broker_url=rabbit.url, samples_url=samples_url, records_url=records_url
        )
        store = InfluxSampleStore(samples_url)
        try:
            begin = int(time.time()) - 30 * 86_400
            yield Rig(rabbit, influx, broker, store, program, settings, begin)
        finally:
            program.stop()
            broker.close()
            store.close()


@contextmanager
def influx_server() -> Iterator[InfluxServer]:
    yield from running_influx_server()


def warm_up(it: Rig) -> None:
    """Make connections, series and index once, so that no side pays for them in its first run."""
    through_ingest(it, LARGE)
    through_ingest(it, SMALL)
    straight(it, LARGE)


def make_messages(begin: int, samples: int) -> list[Message]:
    """One message per second and node in turn, with values that change like real ones."""
    encoders = [SampleEncoder(CLUSTER, f"node{number:03}") for number in range(NODES)]
    made = []
    for number in range(MESSAGES):
        threads = [
            Sample(f"cpu_{kind}", (number * 7 + i) % 997 / 10, "hwthread", str(i))
            for i in range(samples // 4)
            for kind in ("user", "system", "idle")
        ]
        others = [
            Sample(f"metric_{i}", number * 1000 + i * 1.25)
            for i in range(samples - len(threads) - 1)
        ]
        message = encoders[number % NODES].message(
            [*threads, *others, Sample(MARKER, float(number))], begin + number
        )
        assert message is not None
        made.append(message)
    return made


def through_ingest(it: Rig, samples: int) -> tuple[float, float]:
    """Return samples per second, and CPU seconds of ingest per million samples."""
    begin = it.next_times(MESSAGES)
    messages = make_messages(begin, samples)
    os.kill(it.program.pid, signal.SIGSTOP)
    publisher = it.broker.publisher()
    for first in range(0, MESSAGES, 200):
        publisher.publish(messages[first : first + 200])
    publisher.close()
    time.sleep(REST_SECONDS)
    cpu = it.cpu_seconds()
    started = time.perf_counter()
    os.kill(it.program.pid, signal.SIGCONT)
    eventually(lambda: it.all_visible(begin, MESSAGES), within=120, every=0.02)
    took = time.perf_counter() - started
    points = MESSAGES * samples
    return points / took, (it.cpu_seconds() - cpu) / points * 1e6


def straight(it: Rig, samples: int) -> float:
    """Return samples per second of the same batches posted over as many connections."""
    begin = it.next_times(MESSAGES)
    batches = batched([m.body for m in make_messages(begin, samples)], it.settings)
    time.sleep(REST_SECONDS)
    started = time.perf_counter()
    with ThreadPoolExecutor(it.settings.ingest_workers) as pool:
        list(pool.map(it.store.write, batches))
    took = time.perf_counter() - started
    assert it.markers(begin, MESSAGES) == MESSAGES
    return MESSAGES * samples / took


def batched(bodies: Sequence[bytes], settings: IngestSettings) -> list[list[bytes]]:
    """Join bodies by ingest's own bounds."""
    batches: list[list[bytes]] = [[]]
    size = 0
    for body in bodies:
        full = len(batches[-1]) >= settings.ingest_batch_messages
        if full or size >= settings.ingest_batch_bytes:
            batches.append([])
            size = 0
        batches[-1].append(body)
        size += len(body)
    return batches


def latency(it: Rig) -> list[float]:
    """Publish at a steady rate; return for each message the time until a query shows it."""
    count = int(LATENCY_SECONDS * LATENCY_RATE)
    begin = it.next_times(MESSAGES)
    messages = make_messages(begin, LARGE)[:count]
    published: dict[int, float] = {}
    seen: dict[int, float] = {}

    def publish() -> None:
        publisher = it.broker.publisher()
        started = time.perf_counter()
        for number, message in enumerate(messages):
            wait = started + number / LATENCY_RATE - time.perf_counter()
            time.sleep(max(0.0, wait))
            published[begin + number] = time.perf_counter()
            publisher.publish([message])
        publisher.close()

    thread = threading.Thread(target=publish)
    thread.start()
    window = (datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(begin + count, UTC))
    marker = Selection(CLUSTER, MARKER, *window)
    while len(seen) < count:
        found = it.store.series(marker, resolution_seconds=1, over_nodes="max")
        now = time.perf_counter()
        for second in found[0].times if found else ():
            seen.setdefault(second, now)
        time.sleep(0.005)  # the question itself must not load the store
    thread.join()
    return [seen[second] - published[second] for second in seen]


def quantile(values: Sequence[float], q: float) -> float:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


if __name__ == "__main__":
    sys.exit(main())
