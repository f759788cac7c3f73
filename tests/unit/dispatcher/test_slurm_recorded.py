"""Requests and answers of every API version against exchanges with real slurmrestds, 22.05 to 26.05."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pilothouse_common.errors import NotFound, SchedulerUnavailable, Unauthenticated
from pilothouse_dispatcher.slurm import wire, wire_nodes
from pilothouse_dispatcher.slurm.answers import (
    AlreadyDone,
    OutcomeUnknown,
    Refused,
    problem_of,
    signalled_job,
    submitted_job,
)
from pilothouse_dispatcher.slurm.description import JobDescription
from pilothouse_dispatcher.slurm.dialect import DIALECTS
from pilothouse_dispatcher.slurm.job import SlurmJob

from tests.unit.dispatcher.exchanges import SERVED, exchanges
from tests.unit.dispatcher.replay import recorded

every_version = pytest.mark.parametrize(("release", "version"), SERVED)
USUAL: dict[str, Any] = {
    "work_dir": "/home/lab",
    "environment": {"PATH": "/usr/bin:/bin", "LAB": "1"},
    "standard_output": "/dev/null",
}
GPU_SCRIPT = (
    '#!/bin/bash\nenv | grep -E "CUDA|GPU|GRES" > /home/lab/gres-$SLURM_JOB_ID.txt; sleep 1'
)
DESCRIPTIONS = {
    "submit-ok": JobDescription(
        script="#!/bin/bash\nsleep 2", name="ok", comment="a comment",
        time_limit_seconds=300, tasks=1, **USUAL
    ),
    "submit-held": JobDescription(script="#!/bin/bash\nsleep 2", name="held", hold=True, **USUAL),
    "submit-array": JobDescription(script="#!/bin/bash\nsleep 1", name="array", array="0-3%2", **USUAL),
    "submit-gres-gpu": JobDescription(script=GPU_SCRIPT, name="gres-gpu", gpus_per_node=2, **USUAL),
    "submit-dependency": JobDescription(
        script="#!/bin/bash\nsleep 2", name="dependency", dependency="afterok:2", **USUAL
    ),
}  # fmt: skip


@every_version
@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_submission_is_what_a_real_slurmrestd_took(release, version, name):
    sent = exchanges(release, version)[name].sent

    assert DIALECTS[version].submission(DESCRIPTIONS[name]) == sent


@every_version
def test_a_number_of_nodes_is_text_though_the_oldest_documents_an_array(release, version):
    job = JobDescription(script="#!/bin/sh", min_nodes=2, max_nodes=2, tasks=2, **USUAL)

    assert DIALECTS[version].submission(job)["job"]["nodes"] == "2"


@every_version
def test_a_begin_time_is_what_a_real_slurmrestd_took(release, version):
    sent = exchanges(release, version)["submit-begin-later"].sent["job"]["begin_time"]
    seconds = sent["number"] if isinstance(sent, dict) else 1_800_000_000
    begin = datetime.fromtimestamp(seconds, UTC)
    job = JobDescription(script="#!/bin/sh", begin_time=begin, **USUAL)

    written = DIALECTS[version].submission(job)["job"]["begin_time"]

    assert written == (sent if isinstance(sent, dict) else "uts1800000000")


SUBMITTED = (
    "ok", "held", "fails", "array", "multinode", "gres-gpu", "dependency", "begin-later", "err-no-shebang",
    "err-account", "root-token-acts-as-labu1", "root-itself",
)  # fmt: skip


@every_version
@pytest.mark.parametrize("name", SUBMITTED)
def test_a_job_id_decides_that_it_was_submitted(release, version, name):
    job_id, remarks = submitted_job(exchanges(release, version)[f"submit-{name}"].answer)

    assert job_id > 0
    assert ("held state" in " ".join(remarks)) == (name == "held")


REFUSED = {
    "err-partition": "Invalid partition name specified",
    "err-bad-type": "(integer|many)",
    "err-bad-gres": "slurmrestd answered",
    "err-lua-reject": "job_submit plugin",
    "err-malformed-json": "slurmrestd answered",
    "err-empty-body": "slurmrestd answered",
    "err-content-type": "slurmrestd answered",
}


@every_version
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_also_when_the_status_is_200(release, version, name):
    with pytest.raises(Refused, match=REFUSED[name]):
        submitted_job(exchanges(release, version)[f"submit-{name}"].answer)


@every_version
def test_an_expired_token_is_told_for_a_submit(release, version):
    with pytest.raises(Unauthenticated, match="look at the token"):
        submitted_job(exchanges(release, version)["submit-auth-expired"].answer)


@every_version
def test_what_became_of_a_cancel(release, version):
    recorded = exchanges(release, version)
    signalled_job(recorded["cancel-running"].answer)
    signalled_job(recorded["cancel-with-signal-param"].answer)

    unknown, again = recorded["cancel-unknown"].answer, recorded["cancel-again"].answer

    if version in ("v0.0.40", "v0.0.41"):  # 24.11 tells neither in these
        signalled_job(unknown)
    else:
        with pytest.raises(NotFound):
            signalled_job(unknown)
    if version in ("v0.0.38", "v0.0.40", "v0.0.41"):
        signalled_job(again)
    else:
        with pytest.raises(AlreadyDone):
            signalled_job(again)


@every_version
def test_a_cancel_that_hung_in_slurmctld_is_not_taken_for_a_permission(release, version):
    answer = exchanges(release, version)["cancel-other-users-job"].answer
    error: type[Exception] = Refused if version == "v0.0.38" else OutcomeUnknown

    with pytest.raises(error):
        signalled_job(answer)


@every_version
def test_an_update_says_whether_it_was_done(release, version):
    recorded = exchanges(release, version)

    assert problem_of(recorded["update-comment"].answer) is None
    assert isinstance(problem_of(recorded["update-admin-comment-as-user"].answer), Refused)
    assert isinstance(problem_of(recorded["job-unknown"].answer), NotFound)


@every_version
def test_a_wrong_token_is_told_apart_where_slurm_does(release, version):
    problem = problem_of(exchanges(release, version)["auth-wrong-signature-jobs"].answer)

    expected = SchedulerUnavailable if version == "v0.0.38" else Unauthenticated
    assert isinstance(problem, expected)


@every_version
def test_states_are_read_where_they_are_served(release, version):
    found = exchanges(release, version).get("jobs-state")
    if found is None:
        assert version in ("v0.0.38", "v0.0.40")  # not asked when these were recorded
        return

    states = wire.decode_states(found.answer.body)

    own = {job.job_id for job in jobs_now(release, version)}
    assert states[1] == ("COMPLETED",)
    assert len(states) > 20
    assert set(states) <= own


def jobs_now(release: str, version: str) -> list[SlurmJob]:
    return wire.decode_jobs(recorded(f"jobs-{release}-{version}"))


@every_version
def test_nodes_are_read_with_their_state_and_reason(release, version):
    recorded = exchanges(release, version)
    nodes = wire_nodes.decode_nodes(recorded["nodes"].answer.body)

    assert [node.name for node in nodes] == ["n1", "n2", "n3", "n4"]
    one = nodes[0]
    assert one.states[0] == "IDLE"
    assert one.usable
    assert (one.cpus, one.memory_bytes, one.gres) == (4, 16000 << 20, "gpu:h200:4")
    assert one.partitions == ("main",)
    assert one.version.startswith(release)
    if version != "v0.0.38":  # where the drain was refused
        [drained] = wire_nodes.decode_nodes(recorded["node-n2-drained"].answer.body)
        assert drained.states == ("IDLE", "DRAIN")
        assert (drained.usable, drained.reason) == (False, "lab")


@every_version
def test_partitions_are_read_flat_or_nested(release, version):
    [main] = wire_nodes.decode_partitions(exchanges(release, version)["partitions"].answer.body)

    assert (main.name, main.state, main.total_nodes, main.total_cpus) == ("main", "UP", 4, 16)
    assert main.nodes == ["n1", "n2", "n3", "n4"]
    assert main.max_time_seconds is None
    assert main.default is (True if version in ("v0.0.38", "v0.0.45") else None)


@every_version
def test_every_recorded_answer_is_understood_or_refused_in_words(release, version):
    for name, exchange in exchanges(release, version).items():
        problem = problem_of(exchange.answer)
        assert problem is None or str(exchange.answer.status) in str(problem), name
