"""A Slurm job from its prolog to the page: real Slurm, hooks, agents, RabbitMQ, ingest, stores, gateway."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import eventually
from tests.support.slurm import Slurm, directory_for_all_users, private_slurm
from tests.support.stack import CLUSTER, Client, Stack

BURN = "#!/bin/sh\nend=$(( $(date +%s) + 6 ))\nwhile [ $(date +%s) -lt $end ]; do :; done\nexit 3\n"


@pytest.fixture
def hooked(stack: Stack) -> Iterator[tuple[Slurm, Client]]:
    """A two-node Slurm whose hooks hand over to an agent for each node."""
    client = stack.start_core()
    with directory_for_all_users() as folder:
        spool = folder / "spool"
        lines = install_hooks(folder / "hooks", spool)
        with private_slurm(nodes=2, cluster=CLUSTER, extra=lines) as slurm:
            for host in ("n1", "n2"):
                environment = {"PILOTHOUSE_HOSTNAME": host, "PILOTHOUSE_INTERVAL_SECONDS": "1"}
                if host == "n1":
                    environment["PILOTHOUSE_HOOK_SPOOL_DIR"] = str(spool)
                environment["PILOTHOUSE_SPOOL_DIR"] = str(folder / f"agent-{host}")
                stack.start("agent", name=f"agent-{host}", **environment)
            eventually(lambda: len(client.every("/v1/nodes")) == 2, within=30)
            yield slurm, client


def install_hooks(directory: Path, spool: Path) -> str:
    """Install the hooks as an operator does; return the lines for slurm.conf."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pilothouse_agent.hook", "install", "--dir", str(directory),
            "--cluster", CLUSTER, "--broker-url", f"spool:{spool}", "--spool-dir", str(spool),
            "--state-dir", str(directory / "state"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return "\n".join(line for line in done.stdout.splitlines() if re.match(r"\w+=", line))


def job_in(client: Client, job_id: int, *states: str) -> dict[str, Any]:
    found = [j for j in client.every("/v1/jobs", cluster=CLUSTER) if j["job_id"] == job_id]
    return found[0] if found and found[0]["state"] in states else {}


def test_a_job_appears_runs_and_ends_with_its_nodes_times_series_and_statistics(hooked, stack):
    slurm, client = hooked

    job_id = slurm.submit(BURN, nodes=2, job_name="burn")
    running = eventually(lambda: job_in(client, job_id, "RUNNING"), within=20)
    ended = eventually(lambda: job_in(client, job_id, "FAILED"), within=40)
    job = client.get(f"/v1/jobs/{job_id}")

    assert (running["user"], running["name"], running["num_nodes"]) == ("pilot1", "burn", 2)
    assert (ended["exit_code"], ended["signal"]) == (3, None)
    assert sorted(a["hostname"] for a in job["allocations"]) == ["n1", "n2"]
    start, end = (datetime.fromisoformat(job[k]) for k in ("start_time", "end_time"))
    assert 4 <= (end - start).total_seconds() <= 20
    types = [e["type"] for e in job["history"]]
    assert types.count("job.started") == types.count("job.finished") == 1
    assert types.count("job.node_finished") == 2

    series = eventually(lambda: both_nodes(client, job_id), within=20)
    statistics = client.get(f"/v1/jobs/{job_id}/statistics", metrics="cpu_user")

    assert all(len(s["values"]) >= 2 for s in series)
    (row,) = statistics["items"]
    assert row["min"] <= row["avg"] <= row["max"]
    assert {n["hostname"] for n in row["nodes"]} == {"n1", "n2"}


def both_nodes(client: Client, job_id: int) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/jobs/{job_id}/series", metrics="cpu_user", resolution_seconds=1)
    items: list[dict[str, Any]] = answer["items"]
    return items if {s["hostname"] for s in items} == {"n1", "n2"} else []


def test_what_a_user_may_not_see_does_not_exist(hooked, stack):
    slurm, admin = hooked
    job_id = slurm.submit("#!/bin/sh\ntrue\n", user="pilot2")
    eventually(lambda: job_in(admin, job_id, "COMPLETED"), within=30)
    other = stack.client_for("pilot1", "retrieve_data")
    owner = stack.client_for("pilot2", "retrieve_data")

    assert [j["job_id"] for j in owner.every("/v1/jobs")] == [job_id]
    assert other.every("/v1/jobs") == []
    with pytest.raises(AssertionError, match="404"):
        other.get(f"/v1/jobs/{job_id}")
    with pytest.raises(AssertionError, match="404"):
        other.get(f"/v1/jobs/{job_id}/series")
