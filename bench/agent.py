"""What the agent costs beside prometheus-node-exporter: same machine, same seconds, no fewer series.

Two agents (every field, and the usual ones) collect and publish to a real RabbitMQ, confirmed, every
0.25 s; the exporter is scraped as often at the same time. CPU is user and system time of the whole
process over a round, per interval. Then each collector by itself.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.host import Host
from pilothouse_agent.sweep import make_collectors
from pilothouse_common.broker.carrier import open_broker
from pilothouse_common.broker.port import Consumer, Disposition
from pilothouse_common.contract.samples import decompress
from pilothouse_common.contract.topology import INGEST_SAMPLES

from bench.report import Figure, progress, show
from tests.support.process import Program, free_port, listening
from tests.support.provide import program
from tests.support.rabbitmq import rabbit_server

INTERVAL_SECONDS = 0.25
INTERVALS = 60
ROUNDS = 3
ASKS = 100
EVERYTHING = {"PILOTHOUSE_DETAIL": "all", "PILOTHOUSE_CPU_LEVELS": "node,socket,hwthread"}


@dataclass
class Measured:
    """One process under measurement."""

    process: Program
    series: int = 0
    messages: int = 0
    rss_megabytes: float = 0.0
    milliseconds: list[float] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def read_rss(self) -> None:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        self.rss_megabytes = int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def spread(self) -> str:
        return "/".join(f"{value:.2f}" for value in sorted(self.milliseconds))


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-agent-", dir="/var/tmp") as name:
        progress("starting RabbitMQ")
        with rabbit_server() as rabbit:
            found = measure(Path(name), rabbit.url)
    exporter, everything, usual = found["exporter"], found["all"], found["standard"]
    peer = median(exporter.milliseconds)
    name = f"node_exporter; rounds {exporter.spread()}"
    ours = median(everything.milliseconds)
    show(
        f"agent: {ROUNDS} rounds of {INTERVALS} intervals of {INTERVAL_SECONDS} s, published to RabbitMQ",
        [
            Figure(f"CPU/interval, all [ms] {everything.spread()}", ours, peer, name, 0.5),
            Figure("series, all", everything.series, exporter.series, "", 1.0, at_most=False),
            Figure(
                f"CPU/interval, standard [ms] {usual.spread()}",
                median(usual.milliseconds),
                peer,
                name,
            ),
            Figure("series, standard", usual.series, exporter.series),
            Figure("RSS, all [MB]", everything.rss_megabytes, exporter.rss_megabytes),
            Figure("RSS, all [MB], by itself", everything.rss_megabytes, aim=30),
        ],
    )
    show("agent: CPU of each collector [µs/interval], all fields", each_collector())
    return 0


def measure(directory: Path, url: str) -> dict[str, Measured]:
    """Run the three side by side and return what they took."""
    compile_as_installed(directory)
    port = free_port()
    binary = program("prometheus-node-exporter", packages=["prometheus-node-exporter"])
    argv = [binary, f"--web.listen-address=127.0.0.1:{port}"]
    measured = {
        "exporter": Measured(Program(argv, log=directory / "exporter.log")),
        "all": Measured(agent(directory, url, "all", EVERYTHING)),
        "standard": Measured(agent(directory, url, "standard", {})),
    }
    broker = open_broker(url, name="bench")
    consumer = broker.consumer(INGEST_SAMPLES, prefetch=100)
    try:
        consumer.receive(0.1)  # declares the queue
        for one in measured.values():
            one.process.start()
        measured["exporter"].process.wait_ready(lambda: listening(port), within=20)
        while not (measured["all"].series and measured["standard"].series):
            count(consumer, measured, 1.0)
        for number in range(ROUNDS):
            progress(f"round {number + 1} of {ROUNDS}")
            one_round(measured, port)
            count(consumer, measured, 2.0)
        expected = ROUNDS * INTERVALS
        for name in ("all", "standard"):
            sent = measured[name].messages
            assert sent >= 0.95 * expected, f"{name}: {sent} messages in {expected} intervals"
    finally:
        for one in measured.values():
            one.process.stop()
        consumer.close()
        broker.close()
    return measured


def compile_as_installed(directory: Path) -> None:
    """Write byte code, as an installer does: compiling at every start would stay in the memory figure."""
    modules = "pilothouse_agent.__main__, pilothouse_common.broker.rabbitmq"
    subprocess.run(
        [sys.executable, "-c", f"import {modules}"], env=byte_code(directory), check=True
    )


def byte_code(directory: Path) -> dict[str, str]:
    where = str(directory / "bytecode")
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": where}


def agent(directory: Path, url: str, name: str, settings: dict[str, str]) -> Program:
    env = {
        **byte_code(directory),
        "MALLOC_ARENA_MAX": "1",  # as in its systemd unit
        "PILOTHOUSE_BROKER_URL": url,
        "PILOTHOUSE_HOSTNAME": name,
        "PILOTHOUSE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
        "PILOTHOUSE_SPOOL_DIR": str(directory / f"spool-{name}"),
        **settings,
    }
    argv = [sys.executable, "-m", "pilothouse_agent"]
    return Program(argv, log=directory / f"{name}.log", env=env)


def one_round(measured: dict[str, Measured], port: int) -> None:
    start = {name: one.cpu_seconds() for name, one in measured.items()}
    begin = time.monotonic()
    for number in range(INTERVALS):
        time.sleep(max(0.0, begin + number * INTERVAL_SECONDS - time.monotonic()))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read()
    time.sleep(max(0.0, begin + INTERVALS * INTERVAL_SECONDS - time.monotonic()))
    intervals = (time.monotonic() - begin) / INTERVAL_SECONDS
    for name, one in measured.items():
        one.milliseconds.append(1000 * (one.cpu_seconds() - start[name]) / intervals)
        one.read_rss()
    measured["exporter"].series = sum(not line.startswith(b"#") for line in text.splitlines())


def count(consumer: Consumer, measured: dict[str, Measured], seconds: float) -> None:
    """Take what was published; the number of series is that of the newest message."""
    while (delivery := consumer.receive(seconds)) is not None:
        one = measured[delivery.message.routing_key.rpartition(".")[2]]
        one.messages += 1
        one.series = decompress(delivery.message.body).count(b"\n")
        consumer.settle([delivery], Disposition.ACK)
        seconds = INTERVAL_SECONDS / 20  # what waits now, and not what comes for ever


def each_collector() -> Iterator[Figure]:
    options = Options(cpu_levels=("node", "socket", "hwthread"), all_fields=True)
    total = 0.0
    for collector in make_collectors(COLLECTORS, Host(), options):
        list(collector.collect())
        spent = []
        for _ in range(ASKS):
            time.sleep(0.005)  # the first values of rates need time between them
            start = time.thread_time()
            samples = list(collector.collect())
            spent.append((time.thread_time() - start) * 1e6)
        collector.close()
        total += median(spent)
        yield Figure(f"{collector.name}, {len(samples)} series", median(spent))
    yield Figure("sum", total)


if __name__ == "__main__":
    sys.exit(main())
