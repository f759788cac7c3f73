"""What the agent costs beside prometheus-node-exporter and collectd: same seconds, no fewer series.

Two agents (every collector that works here with every field, and the usual fields) collect and publish
to a real RabbitMQ, confirmed, every 0.25 s; at the same time the exporter is scraped as often, and collectd
sends as often by UDP, which nobody confirms. CPU is user and system time of the whole process over a
round, per interval. What one collector costs: python -m bench collectors.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_common.broker.carrier import open_broker
from pilothouse_common.broker.port import Consumer, Disposition
from pilothouse_common.contract.samples import decompress
from pilothouse_common.contract.topology import INGEST_SAMPLES

from bench.collectd import Collectd
from bench.report import Figure, progress, show
from tests.support.process import Program, free_port, listening
from tests.support.provide import program
from tests.support.rabbitmq import rabbit_server

INTERVAL_SECONDS = 0.25
INTERVALS = 60
ROUNDS = 3
EVERYTHING = {
    "PILOTHOUSE_DETAIL": "all",
    "PILOTHOUSE_CPU_LEVELS": "node,socket,hwthread",
    "PILOTHOUSE_COLLECTORS": ",".join(factory.name for factory in COLLECTORS),
}


@dataclass
class Measured:
    """One process under measurement."""

    process: Program
    series: int = 0
    messages: int = 0
    rss_megabytes: float = 0.0
    threads: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def read_status(self) -> None:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        self.rss_megabytes = int(status.partition("VmRSS:")[2].split()[0]) / 1024
        self.threads = int(status.partition("Threads:")[2].split()[0])

    def spread(self) -> str:
        return "/".join(f"{value:.2f}" for value in sorted(self.milliseconds))


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-agent-", dir="/var/tmp") as name:
        progress("starting RabbitMQ")
        with rabbit_server() as rabbit:
            found = measure(Path(name), rabbit.url)
    exporter, collectd = found["exporter"], found["collectd"]
    everything, usual = found["all"], found["standard"]
    show(
        f"agent: {ROUNDS} rounds of {INTERVALS} intervals of {INTERVAL_SECONDS} s, published to RabbitMQ",
        [
            *beside(everything, "all", exporter, "node_exporter", aim=0.5),
            *beside(everything, "all", collectd, "collectd"),
            *beside(usual, "standard", exporter, "node_exporter"),
            *beside(usual, "standard", collectd, "collectd"),
            Figure("RSS, all [MB]", everything.rss_megabytes, aim=35),
            Figure("RSS, standard [MB]", usual.rss_megabytes, aim=35),
            Figure("threads, all", everything.threads),
        ],
    )
    return 0


def beside(
    ours: "Measured", name: str, peer: "Measured", peer_name: str, aim: float | None = None
) -> list[Figure]:
    """Compare the medians, and say how many series each tells."""
    said = f"{peer_name}; rounds {peer.spread()}"
    cost = median(ours.milliseconds)
    return [
        Figure(
            f"CPU/interval, {name} [ms] {ours.spread()}", cost, median(peer.milliseconds), said, aim
        ),
        Figure(
            f"series, {name}",
            ours.series,
            peer.series,
            peer_name,
            1.0 if aim else None,
            at_most=False,
        ),
        Figure(f"RSS, {name} [MB]", ours.rss_megabytes, peer.rss_megabytes, peer_name),
    ]


def measure(directory: Path, url: str) -> dict[str, Measured]:
    """Run the three side by side and return what they took."""
    compile_as_installed(directory)
    port = free_port()
    binary = program("prometheus-node-exporter", packages=["prometheus-node-exporter"])
    argv = [binary, f"--web.listen-address=127.0.0.1:{port}"]
    collectd = Collectd(directory, INTERVAL_SECONDS)
    measured = {
        "collectd": Measured(collectd.process),
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
        measured["collectd"].process.wait_ready(collectd.ready, within=20)
        while not (measured["all"].series and measured["standard"].series):
            count(consumer, measured, 1.0)
        for number in range(ROUNDS):
            progress(f"round {number + 1} of {ROUNDS}")
            one_round(measured, port)
            count(consumer, measured, 2.0)
        measured["collectd"].series = collectd.count_series()
        expected = ROUNDS * INTERVALS
        for name in ("all", "standard"):
            sent = measured[name].messages
            assert sent >= 0.95 * expected, f"{name}: {sent} messages in {expected} intervals"
    finally:
        for one in measured.values():
            one.process.stop()
        collectd.close()
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
        one.read_status()
    measured["exporter"].series = sum(not line.startswith(b"#") for line in text.splitlines())


def count(consumer: Consumer, measured: dict[str, Measured], seconds: float) -> None:
    """Take what was published; the number of series is that of the newest message."""
    while (delivery := consumer.receive(seconds)) is not None:
        one = measured[delivery.message.routing_key.rpartition(".")[2]]
        one.messages += 1
        one.series = decompress(delivery.message.body).count(b"\n")
        consumer.settle([delivery], Disposition.ACK)
        seconds = INTERVAL_SECONDS / 20  # what waits now, and not what comes for ever


if __name__ == "__main__":
    sys.exit(main())
