"""The Slurm client against a real slurmrestd: every operation, and the ways to reach it."""

import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from pilothouse_common.errors import NotFound, SchedulerUnavailable
from pilothouse_common.runtime.clock import SystemClock
from pilothouse_dispatcher.slurm.answers import OutcomeUnknown, Refused
from pilothouse_dispatcher.slurm.client import SlurmClient
from pilothouse_dispatcher.slurm.description import JobDescription
from pilothouse_dispatcher.slurm.script import lifted
from pilothouse_dispatcher.slurm.session import Session
from pilothouse_dispatcher.slurm.token import SignedTokens
from pilothouse_dispatcher.slurm.transport import Transport

from tests.support.process import eventually
from tests.support.slurm import USERS, Slurm
from tests.support.ways import http_proxy, socks_proxy, tls, unix_socket

USER = USERS[0]


def client_of(slurm: Slurm, url: str = "", **options: str) -> SlurmClient:
    tokens = SignedTokens(slurm.jwt_key, SystemClock())
    return SlurmClient(Session(Transport(url or slurm.url, **options), user="root", tokens=tokens))


@pytest.fixture(scope="module")
def client(slurm: Slurm) -> Iterator[SlurmClient]:
    with closing(client_of(slurm)) as made:
        yield made


def described(slurm: Slurm, script: str, **fields: object) -> JobDescription:
    usual = {"work_dir": str(slurm.jobs), "standard_output": "/dev/null", "name": "asked"}
    return lifted(f"#!/bin/sh\n{script}\n", {**usual, **fields}, now=datetime.now(UTC))


def test_a_submitted_job_runs_as_its_user_with_what_was_described(slurm, client):
    out = slurm.jobs / "described.txt"
    job = described(
        slurm,
        '#SBATCH --ntasks=2 --time=0:90 --comment="request 7"\necho "$(id -un) $CASE $SLURM_NTASKS"',
        standard_output=str(out),
        environment={"CASE": "a 'b' $c"},
    )

    submitted = client.submit(job, user=USER)

    shown = slurm.wait(submitted.job_id)
    assert (shown["JobState"], shown["JobName"], shown["NumTasks"]) == ("COMPLETED", "asked", "2")
    assert shown["TimeLimit"] == "00:02:00"
    assert out.read_text() == f"{USER} a 'b' $c 2\n"
    told = client.job(submitted.job_id)
    assert told is not None
    assert (told.state, told.user, told.comment) == ("COMPLETED", USER, "request 7")


def test_a_held_job_waits_until_it_is_released(slurm, client):
    job_id = client.submit(described(slurm, "exit 3", hold=True), user=USER).job_id
    held = client.job(job_id)
    assert held is not None
    assert (held.state, held.reason) == ("PENDING", "JobHeldUser")

    client.release(job_id)

    assert slurm.wait(job_id)["ExitCode"] == "3:0"


def test_a_pending_job_can_be_held_again_and_changed(slurm, client):
    soon = datetime.now(UTC) + timedelta(hours=1)
    job_id = client.submit(described(slurm, "true", begin_time=soon), user=USER).job_id

    client.hold(job_id)
    client.limit_time(job_id, 600)
    client.update(job_id, {"comment": "changed"})

    shown = slurm.job(job_id)
    assert (shown["Priority"], shown["TimeLimit"], shown["Comment"]) == ("0", "00:10:00", "changed")
    client.cancel(job_id)


def test_a_running_job_gets_a_signal_and_is_cancelled(slurm, client):
    mark = slurm.jobs / "signalled"
    job_id = slurm.running(f"trap 'touch {mark}' USR1; while :; do sleep 0.1; done", user=USER)

    client.cancel(job_id, signal="USR1")
    slurm.cancel(job_id, "--batch", "--signal=USR1")
    eventually(mark.exists, within=10)
    client.cancel(job_id)

    assert slurm.wait(job_id)["JobState"] == "CANCELLED"
    mark.unlink()


def test_an_array_is_one_submit_and_many_rows(slurm, client):
    job_id = client.submit(described(slurm, "true", array="0-2%1"), user=USER).job_id

    def rows() -> bool:
        mine = [job for job in client.jobs() if job.array_job_id == job_id]
        return {job.array_task_id for job in mine if job.ended} == {0, 1, 2}

    eventually(rows, within=60)


def test_a_dependency_and_a_begin_time_keep_a_job_pending(slurm, client):
    first = client.submit(described(slurm, "true", hold=True), user=USER).job_id
    after = client.submit(described(slurm, "true", dependency=f"afterok:{first}"), user=USER).job_id
    later = client.submit(described(slurm, "#SBATCH --begin=now+1hour\ntrue"), user=USER).job_id

    reasons = {job_id: slurm.wait(job_id, "PENDING")["Reason"] for job_id in (after, later)}

    assert reasons == {after: "Dependency", later: "BeginTime"}
    for job_id in (first, after, later):
        client.cancel(job_id)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"partition": "nope"}, "partition"),
        ({"tres_per_node": "gres/gpu:h999:1"}, "slurmrestd answered"),
        ({"dependency": "afterok:no"}, "ependency"),
    ],
)
def test_what_slurm_will_not_have_is_refused_in_its_words(slurm, client, fields, says):
    with pytest.raises(Refused, match=says):
        client.submit(described(slurm, "true", **fields), user=USER)


def test_unknown_jobs_are_not_found(client):
    assert client.job(999_999) is None
    with pytest.raises(NotFound):
        client.cancel(999_999)


def test_nodes_partitions_and_statistics_are_told(slurm, client):
    assert [node.name for node in client.nodes()] == ["n1", "n2"]
    assert all(node.usable for node in client.nodes())
    assert [(p.total_nodes, p.state) for p in client.partitions()] == [(2, "UP")]
    start = ("StartTime=now", "Duration=10", "Users=root", "Nodes=n2", "Flags=IGNORE_JOBS")
    slurm.scontrol("create", "reservation", "ReservationName=service", *start)
    try:
        [service] = client.reservations()
    finally:
        slurm.scontrol("delete", "ReservationName=service")
    assert (service.name, service.nodes, service.users) == ("service", ["n2"], ("root",))
    assert client.diag()["server_thread_count"] >= 0


def test_an_old_slurm_says_that_it_cannot_requeue_and_has_no_states(client):
    assert client.states() is None or client.version != "v0.0.38"
    if client.version == "v0.0.38":
        with pytest.raises(Refused, match=r"v0\.0\.38 has no requeue"):
            client.requeue(1)


@pytest.mark.parametrize("way", [unix_socket, tls, http_proxy, socks_proxy])
def test_it_is_reached_by_every_way(slurm, tmp_path, way):
    with way(slurm.rest_port, tmp_path) as options, closing(client_of(slurm, **options)) as client:
        assert len(client.nodes()) == 2
        assert client.submit(described(slurm, "true"), user=USER).job_id > 0


def test_a_certificate_of_another_authority_is_refused(slurm, tmp_path):
    with tls(slurm.rest_port, tmp_path) as options:
        url = options["url"]
        with (
            closing(client_of(slurm, url)) as client,
            pytest.raises(SchedulerUnavailable, match="verify"),
        ):
            client.nodes()


def test_a_socket_that_is_not_there_is_unavailable(slurm, tmp_path):
    with (
        closing(client_of(slurm, f"unix:{tmp_path}/no")) as client,
        pytest.raises(SchedulerUnavailable, match="No such file"),
    ):
        client.nodes()


def test_a_frozen_controller_leaves_the_outcome_unknown_and_the_job_is_there(slurm, client):
    mark = "frozen-1"
    slurm.slurmctld.signal(signal.SIGSTOP)
    try:
        with pytest.raises(OutcomeUnknown):
            client.submit(described(slurm, "true", comment=mark, hold=True), user=USER)
    finally:
        slurm.slurmctld.signal(signal.SIGCONT)

    def found() -> list[int]:
        return [job.job_id for job in client.jobs() if job.comment == mark]

    [job_id] = eventually(found, within=30)
    client.cancel(job_id)
