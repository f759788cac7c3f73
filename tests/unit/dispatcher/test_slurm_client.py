"""The client of slurmrestd on answers recorded from real 22.05, 24.11 and 26.05."""

from pathlib import Path

import pytest
from pilothouse_common.errors import Malformed, SchedulerUnavailable, Unauthenticated
from pilothouse_dispatcher.slurm.answers import Refused
from pilothouse_dispatcher.slurm.client import SlurmClient
from pilothouse_dispatcher.slurm.job import SlurmJob
from pilothouse_dispatcher.slurm.session import Session
from pilothouse_dispatcher.slurm.transport import Transport
from pilothouse_dispatcher.slurm.wire import decode_jobs

from tests.unit.dispatcher.replay import recorded, replay

SERVED = [
    ("22.05", "v0.0.38"), ("24.11", "v0.0.40"), ("24.11", "v0.0.41"), ("24.11", "v0.0.42"),
    ("26.05", "v0.0.42"), ("26.05", "v0.0.43"), ("26.05", "v0.0.44"), ("26.05", "v0.0.45"),
]  # fmt: skip


class FixedTokens:
    def token(self, user: str) -> str:
        return "the-token"


def client_of(url: str) -> SlurmClient:
    return SlurmClient(Session(Transport(url), user="operator", tokens=FixedTokens()))


def jobs_of(release: str, version: str) -> dict[int, SlurmJob]:
    return {job.job_id: job for job in decode_jobs(recorded(f"jobs-{release}-{version}"))}


def one_job(name: str) -> SlurmJob:
    [job] = decode_jobs(recorded(name))
    return job


@pytest.mark.parametrize(("release", "version"), SERVED)
def test_every_version_tells_the_same_of_the_same_jobs(release, version):
    jobs = jobs_of(release, version)

    done, failed = jobs[1], jobs[3]
    assert (done.state, done.exit_code, done.signal) == ("COMPLETED", 0, None)
    assert (done.name, done.user, done.uid, done.partition) == ("ok", "labu1", 1001, "main")
    assert (done.nodes, done.num_nodes, done.cpus) == (["n1"], 1, 1)
    assert done.time_limit_seconds == 300
    assert done.submit_time
    assert done.start_time
    assert done.end_time
    assert done.submit_time <= done.start_time <= done.end_time
    assert (done.account, done.qos, done.array_job_id, done.het_job_id) == (None,) * 4
    assert (failed.state, failed.exit_code, failed.reason) == ("FAILED", 3, "NonZeroExitCode")
    assert failed.time_limit_seconds is None


@pytest.mark.parametrize(("release", "version"), SERVED)
def test_pending_jobs_have_a_reason_and_have_not_started(release, version):
    pending = [job for job in jobs_of(release, version).values() if job.state == "PENDING"]

    reasons = {job.reason for job in pending}
    assert {"JobHeldUser", "Dependency"} <= reasons
    assert "None" not in reasons
    assert all(job.start_time is None and job.end_time is None for job in pending)
    assert not any(job.started or job.ended for job in pending)


@pytest.mark.parametrize(("release", "version"), SERVED)
def test_array_elements_know_their_array_and_index(release, version):
    elements = [job for job in jobs_of(release, version).values() if job.array_job_id]

    assert len({job.array_job_id for job in elements}) == 1
    assert {job.array_task_id for job in elements} == {0, 1, 2, 3}
    assert len(elements) == 4


@pytest.mark.parametrize(("release", "version"), SERVED)
def test_a_job_cancelled_while_pending_never_started(release, version):
    job = next(j for j in jobs_of(release, version).values() if j.reason == "BeginTime")

    assert (job.state, job.ended, job.started) == ("CANCELLED", True, False)
    assert job.start_time is None
    assert job.end_time is not None


def test_a_signal_is_taken_from_the_wait_status():
    job = jobs_of("22.05", "v0.0.38")[10]

    assert (job.state, job.exit_code, job.signal) == ("CANCELLED", 0, 15)


@pytest.mark.parametrize("release", ["22.05", "24.11", "26.05"])
def test_gpus_are_counted_and_configuring_is_running(release):
    job = one_job(f"{release}-16-job-gres-running")

    assert (job.state, job.gpus) == ("RUNNING", 2)


def test_an_old_version_hides_the_state_of_a_job_that_leaves_its_nodes():
    hidden = one_job("22.05-28-job-just-cancelled")
    shown = one_job("26.05-28-job-just-cancelled")

    assert (hidden.state, hidden.ended) == ("", False)
    assert (shown.state, shown.ended) == ("CANCELLED", True)


def test_a_running_job_has_no_end_though_slurm_tells_the_planned_one():
    for release in ("22.05", "24.11", "26.05"):
        assert one_job(f"{release}-05-job-running").end_time is None


def test_the_newest_slurm_tells_the_sluid():
    assert one_job("26.05-05-job-running").sluid == "s12NM7WG7GPE00"


@pytest.mark.parametrize("served", [["v0.0.38"], ["v0.0.40", "v0.0.41", "v0.0.42"], ["v0.0.45"]])
def test_the_newest_version_that_is_served_is_used(served):
    newest = served[-1]
    body = recorded(next(f"jobs-{r}-{v}" for r, v in SERVED if v == newest))
    answers = {f"/slurm/{version}/ping": (200, b"{}") for version in served}

    with replay(answers | {f"/slurm/{newest}/jobs": (200, body)}) as server:
        client = client_of(server.url)
        jobs = client.jobs()
        client.close()

    assert client.version == newest
    assert len(jobs) > 20
    [path, headers] = server.asked[-1]
    assert path == f"/slurm/{newest}/jobs"
    assert headers["X-SLURM-USER-NAME"] == "operator"
    assert headers["X-SLURM-USER-TOKEN"] == "the-token"


def test_only_the_newest_version_requeues_and_it_does_so_by_get():
    done = (200, b'{"status":[],"errors":[],"warnings":[]}')
    pending = (422, b'{"errors":[{"error_number":2024,"error":"Job is pending execution"}]}')
    answers = {f"/slurm/v0.0.45/job/{i}/requeue": a for i, a in ((7, done), (8, pending))}
    with replay({"/slurm/v0.0.45/ping": (200, b"{}"), **answers}) as server:
        client = client_of(server.url)
        client.requeue(7)
        with pytest.raises(Refused, match="pending execution"):
            client.requeue(8)
        client.close()
    with replay({"/slurm/v0.0.44/ping": (200, b"{}")}) as server:
        client = client_of(server.url)
        with pytest.raises(Refused, match=r"v0\.0\.44 has no requeue"):
            client.requeue(7)
        client.close()


def test_a_version_that_is_gone_after_an_upgrade_is_looked_for_again():
    old, new = recorded("jobs-22.05-v0.0.38"), recorded("jobs-26.05-v0.0.45")
    with replay({"/slurm/v0.0.38/ping": (200, b"{}"), "/slurm/v0.0.38/jobs": (200, old)}) as server:
        client = client_of(server.url)
        client.jobs()
        server.answers = {"/slurm/v0.0.45/ping": (200, b"{}"), "/slurm/v0.0.45/jobs": (200, new)}

        with pytest.raises(SchedulerUnavailable, match=r"does not serve v0\.0\.38"):
            client.jobs()
        client.jobs()
        client.close()

    assert client.version == "v0.0.45"


@pytest.mark.parametrize(
    ("status", "name"),
    [(511, "24.11-60-auth-expired-jobs"),
     (511, "26.05-60-auth-expired-jobs"), (401, "22.05-62-auth-no-token")],
)  # fmt: skip
def test_a_refused_token_is_told_as_one(status, name):
    answers = {"/slurm/v0.0.42/ping": (200, b"{}"), "/slurm/v0.0.42/jobs": (status, recorded(name))}
    with replay(answers) as server:
        client = client_of(server.url)

        with pytest.raises(Unauthenticated, match=rf"{status}.*look at the token"):
            client.jobs()
        client.close()


def test_an_old_slurm_does_not_tell_a_refused_token_from_an_outage():
    body = recorded("22.05-60-auth-expired-jobs")
    answers = {"/slurm/v0.0.38/ping": (200, b"{}"), "/slurm/v0.0.38/jobs": (500, body)}
    with replay(answers) as server:
        client = client_of(server.url)

        with pytest.raises(SchedulerUnavailable, match="token that it refuses"):
            client.jobs()
        client.close()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (502, b'{"errors":[{"error_number":1800,"error":"Unable to contact slurm controller"}]}',
         SchedulerUnavailable),
        (500, b'{"errors":[{"errno":-1,"description":"x"}]}', SchedulerUnavailable),
        (504, b"<html>gateway</html>", SchedulerUnavailable),
        (200, b"not json", Malformed),
        (200, b'{"jobs":[{"job_id":"x"}]}', Malformed),
        (200, b'{"jobs":"all"}', Malformed),
        (200, b"\xff\xfe", Malformed),
    ],
)  # fmt: skip
def test_any_other_answer_is_an_error_that_says_what_came(status, body, error):
    answers = {"/slurm/v0.0.42/ping": (200, b"{}"), "/slurm/v0.0.42/jobs": (status, body)}
    with replay(answers) as server:
        client = client_of(server.url)

        with pytest.raises(error, match="slurmrestd"):
            client.jobs()
        client.close()


def test_an_unknown_slurmrestd_and_a_dead_one_are_unavailable():
    with replay({}) as server:
        client = client_of(server.url)
        with pytest.raises(SchedulerUnavailable, match="serves none of"):
            client.jobs()
        client.close()
    client = client_of(server.url)

    with pytest.raises(SchedulerUnavailable, match=r"127\.0\.0\.1"):
        client.jobs()

    client.close()


def test_fixtures_are_the_whole_recorded_set():
    names = {path.stem for path in Path(__file__).parent.joinpath("fixtures").glob("jobs-*.json")}

    assert names == {f"jobs-{release}-{version}" for release, version in SERVED}
