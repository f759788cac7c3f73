"""The real gateway in front of SQLite and DuckDB with a cluster in them, and Chromium to look at its page."""

import math
import random
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pilothouse_api.service import ApiService
from pilothouse_api.settings import ApiSettings
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.contract.events import (
    EventData,
    JobFinished,
    JobNodeStarted,
    JobStarted,
    JobSubmitted,
    NodeReported,
    new_event,
)
from pilothouse_common.contract.samples import Sample, SampleEncoder
from pilothouse_common.contract.scopes import SCOPES, Restriction
from pilothouse_common.runtime.clock import SystemClock
from pilothouse_common.store.records import Records, record_events
from pilothouse_common.store.samples.open import open_sample_store
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.provide import program

CLUSTER = "alpha"
GIB = 1 << 30
MEMORY = 256 * GIB
CHROMIUM = (
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
ROOT = Path(__file__).parents[2]


class Site:
    """A served gateway and what a test puts into its stores."""

    def __init__(self, directory: Path) -> None:
        self.records = Records(f"sqlite:///{directory}/page.sqlite")
        self.records.migrate()
        self.samples = open_sample_store(f"duckdb:///{directory}/page.duckdb")
        self.broker = MemoryBroker()
        settings = ApiSettings(
            broker_url="memory:",
            records_url="sqlite:///unused",
            samples_url="duckdb:///unused",
            token_key="0123456789abcdef0123456789abcdef",
            api_port=0,
        )
        self.service = ApiService(
            settings,
            records=self.records,
            samples=self.samples,
            broker=self.broker,
            clock=SystemClock(),
            owned=False,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.service.run, args=(self._stop,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return self.service.url

    def login_link(self, subject: str = "operator") -> str:
        return self.service.login_link(subject)

    def token(self, subject: str = "alice", scopes: Iterable[str] = tuple(SCOPES)) -> str:
        tokens = self.service.app.state.ports.tokens
        minted = tokens.mint(
            subject=subject,
            name="test",
            scopes=list(scopes),
            restriction=Restriction(),
            lifetime_seconds=3600,
        )
        return str(minted.token)

    def record(self, *data: EventData) -> None:
        events = [new_event(each, source="slurmctld/alpha") for each in data]
        with self.records.session() as session:
            record_events(session, events, now=datetime.now(UTC))

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self.service.close()
        self.broker.close()
        self.samples.close()
        self.records.close()


@contextmanager
def served(directory: Path) -> Iterator[Site]:
    """Serve the built page over empty stores in a directory."""
    subprocess.run([ROOT / "scripts/web", "build"], check=True, capture_output=True)
    site = Site(directory)
    try:
        yield site
    finally:
        site.close()


def report_nodes(site: Site, hostnames: Iterable[str]) -> None:
    """Let the agents of some nodes say what they are."""
    site.record(
        *(
            NodeReported(
                cluster=CLUSTER, hostname=name, boot_time=ago(days=12), interval_seconds=10.0,
                agent_version="0.1.0", kernel="6.1.0-28-amd64", os="Debian GNU/Linux 12",
                architecture="x86_64", cpu_model="AMD EPYC 7543 32-Core Processor", sockets=2,
                cores=64, hwthreads=64, memory_bytes=MEMORY, gpus=0, collectors=["cpu", "memory"],
            )
            for name in hostnames
        )
    )  # fmt: skip


def write_samples(
    site: Site, hostnames: Iterable[str], *, back_seconds: int, step: int = 10
) -> None:
    """Write the samples of some nodes from then to now."""
    end = int(datetime.now(UTC).timestamp()) // step * step
    bodies = []
    for number, name in enumerate(hostnames):
        encoder = SampleEncoder(CLUSTER, name)
        chance = random.Random(name)
        for time in range(end - back_seconds, end + 1, step):
            message = encoder.message(node_samples(number, time, chance), time)
            assert message is not None
            bodies.append(message.body)
    site.samples.write(bodies)


def write_job_samples(
    site: Site, job_id: int, hostname: str, *, back_seconds: int, share: float, step: int = 10
) -> None:
    """Write what a job of 8 hardware threads and 16 GiB says that uses a share of them."""
    end = int(datetime.now(UTC).timestamp()) // step * step
    encoder = SampleEncoder(CLUSTER, hostname)
    values = {
        "job_user_cpu": 790 * share, "job_sys_cpu": 10 * share, "job_hwthreads": 8,
        "job_cpu_used": 100 * share, "job_mem_used": 16 * GIB * share, "job_mem_cache": GIB,
        "job_mem_limit": 16 * GIB, "job_pressure_cpu_some": 4.0, "job_oom_kills": 0,
        "job_io_read_bw": 3e6, "job_io_write_bw": 8e6,
    }  # fmt: skip
    samples = [Sample(name, value, jobid=str(job_id)) for name, value in values.items()]
    messages = [encoder.message(samples, t) for t in range(end - back_seconds, end + 1, step)]
    site.samples.write([message.body for message in messages if message is not None])


def node_samples(number: int, time: int, chance: random.Random) -> list[Sample]:
    """Return what a busy node says at a time."""
    wave = 0.62 + 0.3 * math.sin(time / 420 + number * 1.7) * math.cos(time / 1310 + number)
    busy = min(1.0, max(0.02, wave + chance.gauss(0, 0.015)))
    used = MEMORY * (0.18 + 0.05 * (number % 5) + 0.25 * busy)
    net = 4e8 * busy * (1.2 + math.sin(time / 95 + number)) / 2
    return [
        Sample("cpu_user", 86 * busy), Sample("cpu_system", 7 * busy + chance.random()),
        Sample("cpu_iowait", 2.5 * (1 - busy)), Sample("cpu_softirq", 1.2 * busy),
        Sample("cpu_nice", 0.0), Sample("cpu_irq", 0.0), Sample("cpu_steal", 0.0),
        Sample("cpu_idle", 100 - 86 * busy - 8 * busy - 2.5 * (1 - busy)),
        Sample("cpu_load", 64 * busy), Sample("load_five", 63 * wave), Sample("load_fifteen", 61 * 0.62),
        Sample("mem_total", MEMORY), Sample("mem_used", used), Sample("mem_cached", MEMORY * 0.14),
        Sample("mem_buffers", 1.5 * GIB), Sample("swap_total", 8 * GIB), Sample("swap_used", 0.2 * GIB),
        Sample("pressure_cpu_some", 6 * busy), Sample("pressure_io_some", 3 * (1 - busy)),
        Sample("pressure_memory_some", 0.1 * busy), Sample("net_bw", 1.7 * net),
        Sample("eth_read_bw", net, stype="network", stype_id="eth0"),
        Sample("eth_write_bw", 0.7 * net, stype="network", stype_id="eth0"),
        Sample("disk_read_bw", 9e7 * chance.random() * busy, stype="device", stype_id="nvme0n1"),
        Sample("disk_write_bw", 4e7 * chance.random(), stype="device", stype_id="nvme0n1"),
    ]  # fmt: skip


def run_job(site: Site, job_id: int, hosts: list[str], *, started: timedelta, **more: Any) -> None:
    """Let a job be submitted and started."""
    facts: dict[str, Any] = {
        "name": "lammps-melt", "user": "alice", "account": "physics", "partition": "batch",
        "qos": "normal", "uid": 1000, "group": "users", "num_nodes": len(hosts),
        "cpus": 64 * len(hosts), "time_limit_seconds": 7200, "work_dir": "/home/alice/melt",
    }  # fmt: skip
    submitted = datetime.now(UTC) - started - timedelta(minutes=4)
    common: dict[str, Any] = {"cluster": CLUSTER, "job_id": job_id, "submit_time": submitted}
    site.record(
        JobSubmitted(**common, **{**facts, **more}),
        JobStarted(
            **common, **{**facts, **more}, nodes=hosts, start_time=datetime.now(UTC) - started
        ),
        *(
            JobNodeStarted(**common, hostname=host, start_time=datetime.now(UTC) - started)
            for host in hosts
        ),
    )


def finish_job(
    site: Site, job_id: int, *, state: str, ended: timedelta = timedelta(), **more: Any
) -> None:
    """Let a job end."""
    end_time = datetime.now(UTC) - ended
    site.record(JobFinished(cluster=CLUSTER, job_id=job_id, end_time=end_time, state=state, **more))


def ago(**span: float) -> datetime:
    """Return the time that long before now."""
    return datetime.now(UTC) - timedelta(**span)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium without a window; not for the session: its driver keeps an event loop in this thread."""
    path = program("chromium", packages=["chromium"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        yield browser
        browser.close()


class Visit:
    """One person's browser: a page, and everything that it complained about."""

    def __init__(self, browser: Browser, base: str, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(base_url=base, **options)
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")
