"""Real processes, killed under load: nothing is lost, nothing is counted twice."""

import random
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.contract.events import JobFinished, JobStarted, event_message, new_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import samples_message
from pilothouse_common.errors import BrokerUnavailable
from pilothouse_common.store.records import Records
from pilothouse_common.store.records.models import Job, StoredEvent
from pilothouse_common.store.samples.open import open_sample_store
from sqlalchemy import func, select

from tests.support.influxdb import InfluxServer, new_bucket
from tests.support.ingest import Parts, ingest_program, stored_points
from tests.support.postgres import Databases, Postgres, private_postgres
from tests.support.process import Program, eventually
from tests.support.rabbitmq import RabbitServer, rabbit_server
from tests.support.samples import NOW, a_line

MESSAGES = 3000
POINTS = 20
JOBS = 400
TOTAL = MESSAGES + 2 * JOBS


@dataclass
class Servers:
    """RabbitMQ, InfluxDB and PostgreSQL, each of them ours to kill."""

    rabbit: RabbitServer
    influx: InfluxServer
    postgres: Postgres


class Site:
    """Ingest between servers, and a load that is published as far as a test allows."""

    def __init__(self, servers: Servers, home: Path) -> None:
        self.servers = servers
        self._home = home
        self._urls = {
            "broker_url": servers.rabbit.new_vhost(),
            "samples_url": servers.influx.url(new_bucket()),
            "records_url": Databases(servers.postgres.url()).empty(),
        }
        self.programs: list[Program] = []
        self.parts = Parts(
            RabbitBroker(self._urls["broker_url"]),
            open_sample_store(self._urls["samples_url"]),
            Records(self._urls["records_url"]),
        )
        self.count = stored_points(
            self.parts.samples, start=NOW - 10, end=NOW + MESSAGES * POINTS + 10
        )
        self._changed = threading.Condition()
        self._allowed = 0
        self._published = 0
        self._closed = False
        self._loader = threading.Thread(target=self._publish_all, daemon=True)
        self._loader.start()

    def start_ingest(self) -> Program:
        log = self._home / f"ingest{len(self.programs)}.log"
        self.programs.append(ingest_program(**self._urls, log=log, more={}).start())
        return self.programs[-1]

    def publish(self, upto: float) -> None:
        """Let this share of the load be published, and return when the broker has it."""
        with self._changed:
            self._allowed = int(upto * TOTAL)
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._published >= self._allowed, timeout=90)
        assert done, f"published {self._published} of {self._allowed}"

    def allow(self, upto: float) -> None:
        """Let it be published while something else happens."""
        with self._changed:
            self._allowed = int(upto * TOTAL)
            self._changed.notify_all()

    def finished(self) -> bool:
        return self.count() == MESSAGES * POINTS and self._events() == 2 * JOBS

    def verify(self) -> None:
        """Publish what is left; everything is there exactly once."""
        self.publish(1.0)
        eventually(self.finished, within=60)
        assert self._jobs() == JOBS
        eventually(self._queues_are_empty, within=20)
        assert self.count() == MESSAGES * POINTS

    def close(self) -> None:
        self._closed = True
        self._loader.join(10)
        for program in self.programs:
            program.kill()
        self.parts.broker.close()
        self.parts.samples.close()
        self.parts.records.close()

    def _publish_all(self) -> None:
        """Publish in small lots, each again until the broker has confirmed it."""
        publisher = self.parts.broker.publisher()
        messages = [*map(a_message, range(MESSAGES)), *map(an_event, range(2 * JOBS))]
        random.Random(7).shuffle(messages)
        while self._published < TOTAL and not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._published < self._allowed, timeout=0.5)
                lot = messages[self._published : min(self._published + 20, self._allowed)]
            try:
                publisher.publish(lot)
            except BrokerUnavailable:
                continue
            with self._changed:
                self._published += len(lot)
                self._changed.notify_all()

    def _events(self) -> int:
        with self.parts.records.reading() as session:
            return session.scalar(select(func.count()).select_from(StoredEvent)) or 0

    def _jobs(self) -> int:
        ended = select(func.count()).select_from(Job).where(Job.state == "COMPLETED")
        with self.parts.records.reading() as session:
            return session.scalar(ended) or 0

    def _queues_are_empty(self) -> bool:
        listed = self.servers.rabbit.control(
            "list_queues",
            "--silent",
            "--vhost",
            self._urls["broker_url"].rpartition("/")[2],
            "name",
            "messages",
        )
        counts = dict(line.split("\t") for line in listed.splitlines())
        assert counts["pilothouse.dead"] == "0", "nothing was to be refused"
        return set(counts.values()) == {"0"}


def a_message(number: int) -> Message:
    start = NOW + number * POINTS
    lines = [a_line(value=number, time=start + i) for i in range(POINTS)]
    return samples_message("alex.node01", ("\n".join(lines) + "\n").encode())


def an_event(number: int) -> Message:
    job_id = number // 2 + 1
    when = datetime.fromtimestamp(NOW + job_id, UTC)
    later = datetime.fromtimestamp(NOW + job_id + 9, UTC)
    if number % 2:
        start = JobStarted(cluster="alex", job_id=job_id, submit_time=when, start_time=when)
        return event_message(new_event(start, source="test", event_id=f"{number}", time=when))
    end = JobFinished(cluster="alex", job_id=job_id, submit_time=when, end_time=later, exit_code=0)
    return event_message(new_event(end, source="test", event_id=f"{number}", time=later))


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        rabbit = stack.enter_context(rabbit_server())
        postgres = stack.enter_context(private_postgres())
        influx = InfluxServer(directory).start()
        stack.callback(influx.stop)
        yield Servers(rabbit, influx, postgres)


@pytest.fixture
def site(servers: Servers, tmp_path: Path) -> Iterator[Site]:
    made = Site(servers, tmp_path)
    made.start_ingest()
    yield made
    made.close()


def some_are_stored(site: Site) -> int:
    return eventually(site.count, within=30)


def test_ingest_is_killed_again_and_again(site: Site):
    for step in range(1, 6):
        site.allow(step * 0.18)
        some_are_stored(site)
        site.programs[-1].kill()
        site.publish(step * 0.18)
        site.start_ingest()

    site.verify()


def test_two_ingests_share_the_work_and_one_is_killed(site: Site):
    other = site.start_ingest()
    site.allow(0.7)
    some_are_stored(site)

    other.kill()

    site.verify()


def test_the_sample_store_is_killed_and_comes_back(site: Site, servers: Servers):
    for share in (0.3, 0.6):
        site.allow(share)
        some_are_stored(site)
        servers.influx.kill()
        site.publish(share + 0.2)
        servers.influx.start()

    site.verify()
    assert "store away" in site.programs[0].output()
    assert site.programs[0].running


def test_the_record_store_is_killed_and_comes_back(site: Site, servers: Servers):
    for share in (0.3, 0.6):
        site.allow(share)
        some_are_stored(site)
        servers.postgres.kill()
        site.publish(share + 0.2)
        servers.postgres.restart()

    site.verify()
    assert "store away" in site.programs[0].output()
    assert site.programs[0].running


def test_the_broker_is_killed_and_comes_back(site: Site, servers: Servers):
    site.allow(0.7)
    some_are_stored(site)
    servers.rabbit.kill()
    servers.rabbit.start()

    site.verify()
    assert site.programs[0].running


def test_it_stops_in_order_and_leaves_nothing_half_done(site: Site):
    site.allow(0.5)
    some_are_stored(site)

    code = site.programs[0].stop(within=20)

    assert code == 0
    assert "stopped" in site.programs[0].output()
    site.start_ingest()
    site.verify()
