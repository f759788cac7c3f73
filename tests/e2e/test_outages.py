"""Servers and services are killed with SIGKILL under load: nothing is lost and nothing is doubled."""

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pilothouse_common.broker.carrier import open_publisher
from pilothouse_common.contract.events import JobFinished, JobStarted, event_message, new_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import Sample, SampleEncoder

from tests.support.process import eventually
from tests.support.stack import CLUSTER, Stack

HOST = "n1"


class Load:
    """Publishes samples (one point a message, each at its own second) and jobs until told to stop."""

    def __init__(self, stack: Stack) -> None:
        self._encoder = SampleEncoder(CLUSTER, HOST)
        self._publisher = open_publisher(stack.broker_url, spool_dir=stack.directory / "load")
        self._stop = threading.Event()
        self.start_time = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        self.points = 0
        self.jobs = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._publisher.close()

    def _run(self) -> None:
        for number in itertools.count(1):
            if self._stop.is_set():
                return
            self._publisher.publish(list(self._messages(number)))
            self.points += 1
            self.jobs += 1
            self._stop.wait(0.01)

    def _messages(self, number: int) -> Iterator[Message]:
        now = self.start_time + timedelta(seconds=number)
        sample = self._encoder.message([Sample("cpu_load", float(number))], int(now.timestamp()))
        assert sample is not None
        yield sample
        data = (
            JobStarted(cluster=CLUSTER, job_id=number, start_time=now, user="ada", nodes=[HOST]),
            JobFinished(
                cluster=CLUSTER, job_id=number, end_time=now + timedelta(seconds=9), exit_code=0
            ),
        )
        for event in data:
            yield event_message(new_event(event, source="/load", event_id=f"{number}-{event.type}"))


def flow(load: Load, points: int) -> None:
    """Return when so many more points have been published."""
    enough = load.points + points
    eventually(lambda: load.points >= enough, within=60)


def kill_rabbitmq(stack: Stack, _load: Load) -> None:
    stack.rabbitmq.kill()
    stack.rabbitmq.start()


def kill_postgres(stack: Stack, _load: Load) -> None:
    stack.postgres.kill()
    stack.postgres.start()


def kill_influxdb(stack: Stack, _load: Load) -> None:
    stack.influxdb.kill()
    stack.influxdb.start()


def kill_ingest(stack: Stack, load: Load) -> None:
    for _ in range(3):
        stack["ingest-0"].kill()
        stack["ingest-0"].start()
        flow(load, 50)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kill", [kill_ingest, kill_influxdb, kill_postgres, kill_rabbitmq])
def test_nothing_is_lost_or_doubled_when_it_is_killed_under_load(
    stack, kill: Callable[[Stack, Load], None]
):
    client = stack.start_core(workers=2)

    with Load(stack) as load:
        flow(load, 100)
        kill(stack, load)
        flow(load, 100)
    sender = stack.start("sender", "drain", str(stack.directory / "load"))
    assert sender.wait(within=60) == 0, sender.output()
    end_time = load.start_time + timedelta(seconds=load.points + 1)
    span = {"start": load.start_time.isoformat(), "end": end_time.isoformat()}

    def stored() -> bool:
        answer = client.get(
            f"/v1/nodes/{HOST}/series", metrics="cpu_load", resolution_seconds=1, **span
        )
        values = [v for s in answer["items"] for v in s["values"]]
        return sorted(values) == [float(n) for n in range(1, load.points + 1)]

    def recorded() -> bool:
        jobs = client.every("/v1/jobs", limit=500)
        ids = sorted(j["job_id"] for j in jobs)
        return ids == list(range(1, load.jobs + 1)) and {j["state"] for j in jobs} == {"COMPLETED"}

    eventually(recorded, within=60)
    eventually(stored, within=60)
