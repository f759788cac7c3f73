"""Which event each hook call stands for, on environments that real Slurm versions set."""

import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilothouse_agent.hook.document import quoted
from pilothouse_agent.hook.environment import Environment
from pilothouse_agent.hook.spoolfile import crc32
from pilothouse_agent.hook.translate import (
    CONTEXTS,
    NothingToSay,
    Translated,
    Unusable,
    translate,
    wait_status,
)
from pilothouse_common.contract.events import (
    JobFinished,
    JobNodeFinished,
    JobNodeStarted,
    JobStarted,
    decode_event,
    encode_event,
)

from tests.unit.agent.hook_captures import VERSIONS, captured

NOW = datetime(2026, 11, 20, 14, 0, 0, 250_000, tzinfo=UTC)
NOW_NS = int(NOW.timestamp() * 1000) * 1_000_000


def translated(environ: dict[bytes, bytes], unique: str = "u1") -> Translated:
    return translate(
        Environment(environ), cluster="", hostname="ctld", now_ns=NOW_NS, unique=unique
    )


def told(version: str, story: str) -> dict[str, Any]:
    """Decode what a story says, by hook; the contract's own writer must give the same bytes."""
    events: dict[str, Any] = {}
    for number, call in enumerate(captured(version, story)):
        try:
            result = translated(call.environ, f"u{number}")
        except NothingToSay:
            continue
        event = decode_event(result.body)
        assert encode_event(event) == result.body
        assert (event.id, event.type) == (result.event_id, result.event_type)
        events.setdefault(call.hook, []).append(event)
    return events


def a_call(context: str, **variables: str | bytes) -> dict[bytes, bytes]:
    environ = {"SLURM_SCRIPT_CONTEXT": context, "SLURM_JOB_ID": "7", **variables}
    return {
        name.encode(): value.encode() if isinstance(value, str) else value
        for name, value in environ.items()
    }


def data_of(environ: dict[bytes, bytes]) -> Any:
    return decode_event(translated(environ).body).data


@pytest.mark.parametrize("version", VERSIONS)
def test_a_job_that_exits_with_3_starts_and_finishes(version):
    events = told(version, "single")

    [started], [finished] = events["PrologSlurmctld"], events["EpilogSlurmctld"]
    assert isinstance(started.data, JobStarted)
    assert isinstance(finished.data, JobFinished)
    assert (started.data.name, started.data.user, started.data.uid) == ("single", "labu1", 1001)
    assert started.data.account is None
    assert started.data.comment == "hello"
    assert started.data.nodes == ["n1"]
    assert started.data.cpus == 1
    assert started.source == f"/clusters/{started.data.cluster}/hook/ctld"
    assert (finished.data.exit_code, finished.data.signal) == (3, None)
    assert finished.data.derived_exit_code == 0
    assert finished.data.state is None
    [node_started], [node_finished] = events["Prolog"], events["Epilog"]
    assert isinstance(node_started.data, JobNodeStarted)
    assert isinstance(node_finished.data, JobNodeFinished)
    assert node_started.data.hostname == "n1"
    assert node_started.source.endswith("/hook/n1")


@pytest.mark.parametrize("version", ["24.11", "26.05"])
def test_newer_slurm_tells_the_times_itself(version):
    events = told(version, "single")

    started, finished = events["PrologSlurmctld"][0].data, events["EpilogSlurmctld"][0].data
    assert isinstance(started, JobStarted)
    assert isinstance(finished, JobFinished)
    assert started.start_time == finished.start_time
    assert started.start_time < NOW
    assert 0 <= (finished.end_time - started.start_time).total_seconds() <= 2
    assert started.time_limit_seconds is None  # no limit: Slurm says one year


def test_the_oldest_slurm_gets_the_hooks_own_clock():
    events = told("22.05", "single")

    assert events["PrologSlurmctld"][0].data.start_time == NOW
    assert events["EpilogSlurmctld"][0].data.end_time == NOW


@pytest.mark.parametrize("version", VERSIONS)
def test_array_elements_know_their_array(version):
    started = [event.data for event in told(version, "array")["PrologSlurmctld"]]

    assert {data.array_task_id for data in started} == {0, 1}
    assert len({data.array_job_id for data in started}) == 1
    assert len({data.job_id for data in started}) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_job_on_two_nodes_has_both(version):
    events = told(version, "multinode")

    started = events["PrologSlurmctld"][0].data
    assert (started.nodes, started.num_nodes, started.cpus) == (["n1", "n2"], 2, 2)
    assert {event.data.hostname for event in events["Epilog"]} == {"n1", "n2"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_gpu_job_tells_the_nodes_device_indices(version):
    events = told(version, "gres")

    assert [event.data.gpu_ids for event in events["Prolog"]] == [["0", "1"]]
    assert [event.data.gpu_ids for event in events["Epilog"]] == [["0", "1"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cancelled_job_claims_no_state(version):
    [finished] = told(version, "cancelled")["EpilogSlurmctld"]

    assert finished.data.state is None
    assert (finished.data.exit_code, finished.data.signal) == (0, None)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_requeued_job_starts_and_ends_twice_with_ids_of_its_own(version):
    events = told(version, "requeued")

    for hook in ("PrologSlurmctld", "Prolog", "EpilogSlurmctld", "Epilog"):
        assert len({event.id for event in events[hook]}) == 2
    assert [event.data.restart_count for event in events["PrologSlurmctld"]] == [0, 1]
    assert [event.data.restart_count for event in events["EpilogSlurmctld"]] == [1, 1]


@pytest.mark.parametrize("version", ["24.11", "26.05"])
def test_prolog_and_task_prolog_tell_under_ids_of_their_own(version):
    events = told(version, "multinode")

    tellings = [*events["Prolog"], *events["TaskProlog"]]
    assert len({(event.source, event.id) for event in tellings}) == len(tellings)


def test_a_repeated_call_has_the_same_id_only_where_the_start_is_named():
    old = a_call("epilog_slurmctld")
    new = a_call("epilog_slurmctld", SLURM_JOB_START_TIME="1795180648")

    assert translated(old, "u1").event_id != translated(old, "u2").event_id
    assert translated(new, "u1").event_id == translated(new, "u2").event_id


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SLURM_JOB_EXIT_CODE": "768"}, (3, None)),
        ({"SLURM_JOB_EXIT_CODE": "0"}, (0, None)),
        ({"SLURM_JOB_EXIT_CODE": "9"}, (0, 9)),
        ({"SLURM_JOB_EXIT_CODE": "139"}, (0, 11)),  # with the core dump bit
        ({"SLURM_JOB_EXIT_CODE": "65280"}, (255, None)),
        ({"SLURM_JOB_EXIT_CODE2": "3:0"}, (3, None)),
        ({"SLURM_JOB_EXIT_CODE2": "0:15"}, (0, 15)),
        ({"SLURM_JOB_EXIT_CODE": "(null)", "SLURM_JOB_EXIT_CODE2": "1:0"}, (1, None)),
        ({"SLURM_JOB_EXIT_CODE": "-1", "SLURM_JOB_EXIT_CODE2": "x:y"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_exit_code_and_signal_come_from_the_wait_status(variables, expected):
    assert wait_status(Environment(a_call("epilog_slurmctld", **variables))) == expected


def test_cpus_add_up_over_the_nodes():
    assert data_of(a_call("prolog_slurmctld", SLURM_JOB_CPUS_PER_NODE="4(x2),2")).cpus == 10


def test_the_time_limit_is_known_where_slurm_tells_the_planned_end():
    data = data_of(
        a_call(
            "prolog_slurmctld", SLURM_JOB_START_TIME="1795180648", SLURM_JOB_END_TIME="1795184248"
        )
    )

    assert data.time_limit_seconds == 3600


def test_gpu_ranges_and_uuids_are_listed():
    assert data_of(a_call("prolog_slurmd", SLURM_JOB_GPUS="0-2,5")).gpu_ids == ["0", "1", "2", "5"]
    assert data_of(a_call("prolog_slurmd", CUDA_VISIBLE_DEVICES="GPU-8a-1")).gpu_ids == ["GPU-8a-1"]
    assert data_of(a_call("prolog_slurmd", CUDA_VISIBLE_DEVICES="NoDevFiles")).gpu_ids is None


@pytest.mark.parametrize(
    ("context", "variables"),
    [
        ("prolog_task", {"SLURM_LOCALID": "1"}),
        ("prolog_task", {"SLURM_LOCALID": "0", "SLURM_STEP_ID": "4"}),
        ("epilog_task", {"SLURM_LOCALID": "0", "SLURM_STEP_ID": "0"}),
    ],
)
def test_other_tasks_say_nothing(context, variables):
    with pytest.raises(NothingToSay):
        translated(a_call(context, **variables))


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {b"SLURM_JOB_ID": b"7"},
        a_call("prolog_srun"),
        a_call("prolog_slurmd", SLURM_JOB_ID="(null)"),
        a_call("prolog_slurmd", SLURM_JOB_ID="0"),
        a_call("prolog_slurmd", SLURM_JOB_ID="7; rm -rf /"),
        a_call("prolog_slurmd", SLURM_JOB_ID="9" * 400),
    ],
)
def test_without_job_or_context_there_is_no_event_but_a_reason(environ):
    with pytest.raises(Unusable, match="SLURM_"):
        translated(environ)


def test_a_value_that_cannot_be_read_is_left_out_and_told():
    env = Environment(
        a_call("prolog_slurmctld", SLURM_JOB_NODELIST="n[1-999999999]", SLURM_JOB_UID="root")
    )

    result = translate(env, cluster="c", hostname="h", now_ns=NOW_NS, unique="u")

    data: Any = decode_event(result.body).data
    assert data.nodes is None
    assert len(env.problems) == 2
    assert "n[1-999999999]" in env.problems[1]


variables = st.sampled_from(
    ["SLURM_JOB_NAME", "SLURM_JOB_USER", "SLURM_JOB_UID", "SLURM_JOB_NODELIST", "SLURM_CLUSTER_NAME",
     "SLURM_JOB_CPUS_PER_NODE", "SLURM_JOB_EXIT_CODE", "SLURM_JOB_EXIT_CODE2", "SLURM_JOB_DERIVED_EC",
     "SLURM_JOB_RESTART_COUNT", "SLURM_JOB_START_TIME", "SLURM_JOB_END_TIME", "SLURM_ARRAY_TASK_ID",
     "SLURMD_NODENAME", "SLURM_JOB_GPUS", "SLURM_JOB_COMMENT", "SLURM_JOB_SLUID", "SLURM_LOCALID"]
)  # fmt: skip
values = st.binary(max_size=60) | st.integers().map(lambda n: str(n).encode()) | st.just(b"(null)")


@settings(max_examples=300)
@given(st.sampled_from(sorted(CONTEXTS)), st.dictionaries(variables, values))
def test_any_environment_gives_an_event_that_the_contract_reads_or_none(context, environ):
    call = a_call(context) | {name.encode(): value for name, value in environ.items()}
    try:
        result = translated(call)
    except NothingToSay:
        return

    event = decode_event(result.body)

    assert encode_event(event) == result.body
    assert len(event.id) <= 255
    assert len(event.source) <= 255


def test_very_long_values_are_cut_to_what_the_contract_takes():
    names = (b"SLURM_JOB_NAME", b"SLURMD_NODENAME", b"SLURM_CLUSTER_NAME", b"SLURM_JOB_GPUS")
    call = dict.fromkeys(names, b"n" * 100_000)

    for context in ("prolog_slurmctld", "prolog_slurmd"):
        body = translated(a_call(context) | call).body
        assert encode_event(decode_event(body)) == body


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_strings_are_quoted_as_the_contract_does(text):
    import msgspec

    assert quoted(text).encode() == msgspec.json.encode(text)


@given(st.binary(max_size=200) | st.binary(min_size=5000, max_size=5100))
def test_checksums_are_those_of_zlib(data):
    assert crc32(data) == zlib.crc32(data)
