"""Runs through HTTP: lists, who sees which, and steering a real simulation part over the same broker."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pilothouse_common.contract.commands import VariablesList
from pilothouse_common.contract.events import RunFinished, RunStarted
from pilothouse_common.contract.topology import commands_of
from pilothouse_common.errors import NoAnswer
from pilothouse_common.store.records import AuditRepository

from tests.support.api import Api, Gateway
from tests.support.process import eventually
from tests.support.samples import NOW, a_body
from tests.support.simulation import Node, greeted, node

T0 = datetime.fromtimestamp(NOW, UTC)
AWAY = "ffffffffffff.0123456789abcdef"


def started(run_id: str, user: str = "ada", **more: Any) -> RunStarted:
    facts: dict[str, Any] = {"name": "fluid", "start_time": T0, "hostname": "n01", **more}
    return RunStarted(cluster="alpha", run_id=run_id, user=user, **facts)


@pytest.fixture
def here(gateway: Gateway) -> Iterator[Node]:
    with node(gateway.broker) as made:
        yield made


class Steered:
    """A connected simulation that polls in a thread of its own, recorded as ingest would."""

    def __init__(self, gateway: Gateway, here: Node) -> None:
        self.dt = 0.5
        self.stopped = threading.Event()
        self.sim = here.simulation()
        self.sim.variable("dt", lambda: self.dt, self.set_dt, unit="s", max=1)
        self.sim.variable("nan", lambda: float("nan"))
        self.sim.function("stop", self.stopped.set)
        self.sim.function("fail", self.fail, step=int)
        self.run_id = greeted(self.sim)
        self.sim.start(0.01)
        gateway.record(*eventually(here.started, within=5))
        self.path = f"/v1/runs/{self.run_id}"

    def set_dt(self, dt: float) -> None:
        self.dt = dt

    def fail(self, step: int) -> None:
        raise RuntimeError(f"no checkpoint at {step}")


@pytest.fixture
def steered(gateway: Gateway, here: Node) -> Iterator[Steered]:
    made = Steered(gateway, here)
    yield made
    made.sim.close()


def test_runs_are_listed_newest_first_and_filtered(gateway: Gateway, api: Api) -> None:
    gateway.record(started("a", job_id=7), started("b", "bob"))
    gateway.record(
        RunFinished(cluster="alpha", run_id="b", hostname="n01", end_time=T0, reason="x")
    )

    assert [run["run_id"] for run in api.get("/v1/runs").json()["items"]] == ["b", "a"]
    for query, expected in (
        ({"user": "ada"}, ["a"]),
        ({"state": "finished"}, ["b"]),
        ({"job_id": 7}, ["a"]),
        ({"cluster": "beta"}, []),
    ):
        assert [r["run_id"] for r in api.get("/v1/runs", **query).json()["items"]] == expected
    first = api.get("/v1/runs", limit=1).json()
    assert [r["run_id"] for r in api.get(first["next"]).json()["items"]] == ["a"]
    assert api.get("/v1/runs/b").json()["reason"] == "x"


def test_what_one_may_not_see_does_not_exist(gateway: Gateway, client: TestClient) -> None:
    gateway.record(started("a"), started("b", "bob"))
    ada = Api(client, gateway.token("ada", ["runs:read", "runs:write"]))
    only_b = Api(client, gateway.token("root", ["runs:read", "admin:all"], run_id="b"))
    nobody = Api(client, gateway.token("ada", ["jobs:read"]))

    assert [r["run_id"] for r in ada.get("/v1/runs").json()["items"]] == ["a"]
    assert [r["run_id"] for r in only_b.get("/v1/runs").json()["items"]] == ["b"]
    assert nobody.get("/v1/runs").status_code == 403
    for tail in ("", "/series", "/variables", "/variables/x", "/functions"):
        assert ada.get(f"/v1/runs/b{tail}").status_code == 404
    assert ada.put("/v1/runs/b/variables/x", json={"value": 1}).status_code == 404
    assert ada.post("/v1/runs/b/functions/x", json={}).status_code == 404


def test_who_may_only_read_does_not_steer(
    gateway: Gateway, client: TestClient, steered: Steered
) -> None:
    reader = Api(client, gateway.token("root", ["runs:read", "admin:all"]))

    assert reader.get(f"{steered.path}/variables").status_code == 200
    assert reader.put(f"{steered.path}/variables/dt", json={"value": 1}).status_code == 403
    assert reader.post(f"{steered.path}/functions/stop", json={}).status_code == 403
    assert (steered.dt, steered.stopped.is_set()) == (0.5, False)


def test_a_run_is_read_steered_and_stopped(api: Api, steered: Steered) -> None:
    functions = api.get(f"{steered.path}/functions").json()["items"]
    answer = api.put(f"{steered.path}/variables/dt", json={"value": 0.25})
    called = api.post(f"{steered.path}/functions/stop", json={})

    assert {f["name"]: f["arguments"] for f in functions} == {
        "stop": [],
        "fail": [{"name": "step", "type": "int"}],
    }
    assert (answer.status_code, answer.json()["value"], steered.dt) == (200, 0.25, 0.25)
    assert (called.status_code, called.json()) == (200, {"text": ""})
    assert steered.stopped.is_set()
    assert api.get(f"{steered.path}/variables/dt").json()["value"] == 0.25
    assert api.get(f"{steered.path}/variables/nan").json()["value"] is None


@pytest.mark.parametrize(
    ("method", "tail", "body", "status", "says"),
    [
        ("GET", "/variables/none", None, 404, "no variable"),
        ("PUT", "/variables/dt", {"value": 2}, 422, "maximum"),
        ("PUT", "/variables/dt", {"value": "x"}, 422, "no float"),
        ("PUT", "/variables/dt", {"value": [1]}, 422, "does not fit"),
        ("PUT", "/variables/nan", {"value": 1}, 409, "read-only"),
        ("PUT", "/variables/a-b", {"value": 1}, 422, "does not fit"),
        ("POST", "/functions/none", {}, 404, "no function"),
        ("POST", "/functions/fail", {"arguments": {"step": 3}}, 409, "no checkpoint at 3"),
        ("POST", "/functions/fail", {"arguments": {"a b": 3}}, 422, "does not fit"),
        ("POST", "/functions/fail", {}, 422, "takes step"),
    ],
)
def test_a_refusal_says_what_and_why(
    api: Api, steered: Steered, method: str, tail: str, body: Any, status: int, says: str
) -> None:
    answer = api.request(method, f"{steered.path}{tail}", json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert says in answer.json()["detail"]


def test_a_run_that_nobody_has_is_said_so_at_once(gateway: Gateway, api: Api) -> None:
    gateway.record(started(AWAY))

    answer = api.get(f"/v1/runs/{AWAY}/variables")

    assert (answer.status_code, "not connected" in answer.json()["detail"]) == (409, True)
    assert answer.elapsed.total_seconds() < 3


def test_a_simulation_that_does_not_poll_is_no_answer_in_time(
    gateway: Gateway, here: Node, api: Api
) -> None:
    with here.simulation() as sim:
        sim.variable("dt", lambda: 1.0, lambda dt: None)
        run_id = greeted(sim)
        gateway.record(*eventually(here.started, within=5))

        answer = api.request(
            "PUT", f"/v1/runs/{run_id}/variables/dt?timeout_seconds=0.3", json={"value": 2}
        )

    assert (answer.status_code, "did not answer" in answer.json()["detail"]) == (504, True)


def test_an_agent_that_does_not_answer_is_no_answer_in_time(gateway: Gateway) -> None:
    deaf = gateway.broker.consumer(commands_of(AWAY.partition(".")[0]), prefetch=1)
    try:
        with pytest.raises(NoAnswer, match="ask again"):
            gateway.ports.commands.ask(AWAY, VariablesList(), subject="a", timeout_seconds=0.1)
    finally:
        deaf.close()
        gateway.ports.commands.close()


def test_a_finished_run_says_how_it_ended(gateway: Gateway, here: Node, api: Api) -> None:
    sim = here.simulation()
    run_id = greeted(sim)
    sim.close()
    gateway.record(*eventually(lambda: here.finished() and here.told, within=5))

    answer = api.get(f"/v1/runs/{run_id}/variables")

    assert answer.status_code == 409
    assert "goodbye" in answer.json()["detail"]


def test_every_change_is_in_the_audit_trail(gateway: Gateway, api: Api, steered: Steered) -> None:
    api.put(f"{steered.path}/variables/dt", json={"value": 0.25})
    api.post(f"{steered.path}/functions/fail", json={"arguments": {"step": 3}})

    with gateway.records.reading() as session:
        rows = AuditRepository(session).page().items
    said = [(row.subject, row.action, row.target, row.detail) for row in rows[:2]]
    assert sorted(said) == [
        (
            "root",
            "run.function.call",
            steered.run_id,
            {"name": "fail", "arguments": {"step": 3}},
        ),
        ("root", "run.variable.set", steered.run_id, {"name": "dt", "value": 0.25}),
    ]


def test_variables_are_series_of_the_run(gateway: Gateway, api: Api) -> None:
    gateway.record(started("a", job_id=7), started("b"))
    lines = [
        f"sim_dt,cluster=alpha,hostname=n01,jobid=7,stype=run,stype-id=a,type=node value={n} {NOW + n}"
        for n in range(3)
    ]
    lines += [f"sim_dt,cluster=alpha,hostname=n01,stype=run,stype-id=b,type=node value=9 {NOW}"]
    gateway.samples.write([a_body(*lines)])

    query = {"start": NOW, "end": NOW + 10, "resolution_seconds": 1}
    mine = api.get("/v1/runs/a/series", variables="dt", **query).json()["items"]
    other = api.get("/v1/runs/b/series", **query).json()["items"]

    assert [(s["metric"], s["values"]) for s in mine] == [("dt", [0, 1, 2])]
    assert [(s["metric"], s["values"]) for s in other] == [("dt", [9])]
