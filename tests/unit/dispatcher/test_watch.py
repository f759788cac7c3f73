"""The watcher over a recorded slurmrestd: what it asks for and tells, also when jobs are gone."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pilothouse_common.contract.events import Event, decode_event
from pilothouse_common.contract.message import Message
from pilothouse_common.errors import BrokerUnavailable
from pilothouse_dispatcher.slurm.client import SlurmClient
from pilothouse_dispatcher.slurm.session import Session
from pilothouse_dispatcher.slurm.transport import Transport
from pilothouse_dispatcher.watch import Watcher

from tests.unit.dispatcher.replay import Replay, recorded, replay
from tests.unit.dispatcher.test_slurm_client import FixedTokens

API = "/slurm/v0.0.45"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Carrier:
    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.away = False

    def publish(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise BrokerUnavailable("away")
        self.taken += messages

    def close(self) -> None:
        """Nothing to release."""


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Cluster:
    """Jobs of a real 26.05, as rows that a test moves."""

    def __init__(self, server: Replay) -> None:
        self.server = server
        self.carrier = Carrier()
        rows = json.loads(recorded("jobs-26.05-v0.0.45"))["jobs"]
        self.rows: dict[int, Any] = {row["job_id"]: row for row in rows}
        self.accounted: dict[str, Any] = {}
        session = Session(Transport(server.url), user="root", tokens=FixedTokens())
        self.client = SlurmClient(session)
        self.watcher = Watcher(
            self.client, self.carrier, cluster="alpha", interval_seconds=5, clock=FixedClock()
        )
        self.serve()

    def serve(self) -> None:
        def body(rows: Any) -> tuple[int, bytes]:
            return 200, json.dumps({"jobs": rows}).encode()

        states = [{"job_id": str(i), "state": row["job_state"]} for i, row in self.rows.items()]
        self.server.answers = {
            f"{API}/ping": (200, b"{}"),
            f"{API}/jobs": body([*self.rows.values()]),
            f"{API}/jobs/state/": body(states),
            **{f"{API}/job/{i}": body([row]) for i, row in self.rows.items()},
            **{path: body(rows) for path, rows in self.accounted.items()},
        }

    def look(self) -> list[Event]:
        self.serve()
        del self.server.asked[:], self.carrier.taken[:]
        self.watcher.look()
        return [decode_event(message.body) for message in self.carrier.taken]

    @property
    def asked(self) -> list[str]:
        return [path.removeprefix(API) for path, _ in self.server.asked]

    def first(self, state: str) -> int:
        return next(i for i, row in self.rows.items() if row["job_state"] == [state])


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with opened() as made:
        yield made


@contextmanager
def opened() -> Iterator[Cluster]:
    with replay({}) as server:
        made = Cluster(server)
        try:
            yield made
        finally:
            made.client.close()


def test_only_jobs_whose_state_changed_are_asked_for(cluster):
    cluster.look()
    job_id = cluster.first("PENDING")
    cluster.rows[job_id] |= {"job_state": ["CANCELLED"]}

    events = cluster.look()

    assert [(e.type, e.data.job_id) for e in events] == [("job.finished", job_id)]
    assert cluster.asked[0] == "/jobs/state/"
    assert f"/job/{job_id}" in cluster.asked
    assert "/jobs" not in cluster.asked
    assert len(cluster.asked) <= 2 + 5


def test_another_reason_to_wait_is_seen_in_turn(cluster):
    cluster.look()
    job_id = cluster.first("PENDING")
    cluster.rows[job_id] |= {"state_reason": "Licenses"}
    alive = sum(row["job_state"] == ["PENDING"] for row in cluster.rows.values())

    told = [event for _ in range(alive // 5 + 2) for event in cluster.look()]

    assert [event.data.reason for event in told] == ["Licenses"]


def test_many_changes_are_asked_for_at_once(cluster):
    template = cluster.rows[cluster.first("PENDING")]
    for number in range(1000, 1300):
        cluster.rows[number] = {**template, "job_id": number}

    cluster.look()

    assert cluster.asked[-2:] == ["/jobs/state/", "/jobs"]


def test_a_job_that_is_gone_is_ended_once(cluster):
    cluster.look()
    job_id = cluster.first("PENDING")
    del cluster.rows[job_id]

    [event] = cluster.look()
    again = cluster.look()

    assert (event.type, event.data.job_id) == ("job.finished", job_id)
    assert event.data.state is None
    assert again == []


def test_a_job_that_is_gone_is_ended_as_accounting_knows_it(cluster):
    cluster.look()
    job_id = cluster.first("PENDING")
    submitted = cluster.rows.pop(job_id)["submit_time"]["number"]
    row = {
        "job_id": job_id,
        "state": {"current": ["TIMEOUT"]},
        "time": {"submission": submitted, "start": submitted + 5, "end": submitted + 65},
        "nodes": "n[1-2]",
        "exit_code": {"return_code": {"set": True, "number": 0}},
    }
    cluster.accounted = {f"/slurmdb/v0.0.45/job/{job_id}": [row]}

    started, finished = cluster.look()

    assert (started.type, finished.type) == ("job.started", "job.finished")
    assert (finished.data.state, finished.data.exit_code) == ("TIMEOUT", 0)


def test_what_the_carrier_did_not_take_is_told_at_the_next_look(cluster):
    cluster.look()
    job_id = cluster.first("PENDING")
    cluster.rows[job_id] |= {"job_state": ["CANCELLED"]}
    cluster.carrier.away = True
    with pytest.raises(BrokerUnavailable):
        cluster.look()

    cluster.carrier.away = False

    assert [event.type for event in cluster.look()] == ["job.finished"]
