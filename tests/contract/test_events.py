"""The wire form of events: golden files that never change, and what decoding refuses."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_common.contract.events import (
    EVENT_TYPES,
    Event,
    EventData,
    JobFinished,
    JobNodeFinished,
    JobNodeStarted,
    JobStarted,
    JobSubmitted,
    NodeReported,
    RunFinished,
    RunStarted,
    decode_event,
    encode_event,
    event_message,
)
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Malformed, Rejected, UnknownMessage

GOLDEN = Path(__file__).parent / "golden"
NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)

EXAMPLES: tuple[EventData, ...] = (
    JobSubmitted(
        cluster="alpha",
        job_id=4711,
        submit_time=NOON,
        user="ada",
        name="fluid",
        reason="Resources",
        num_nodes=2,
        time_limit_seconds=3600,
    ),
    JobStarted(
        cluster="alpha",
        job_id=4711,
        start_time=NOON,
        name="fluid",
        user="ada",
        uid=1001,
        group="science",
        gid=100,
        account="project1",
        partition="main",
        nodes=["n01", "n02"],
        num_nodes=2,
        cpus=128,
        gpus=8,
        array_job_id=4700,
        array_task_id=3,
        comment="baseline",
        work_dir="/scratch/ada",
    ),
    JobFinished(
        cluster="alpha",
        job_id=4711,
        end_time=NOON,
        restart_count=1,
        exit_code=3,
        signal=0,
        derived_exit_code=0,
        state="FAILED",
    ),
    JobNodeStarted(
        cluster="alpha",
        job_id=4711,
        hostname="n01",
        start_time=NOON,
        user="ada",
        uid=1001,
        gpu_ids=["0", "1"],
    ),
    JobNodeFinished(cluster="alpha", job_id=4711, hostname="n01", end_time=NOON, restart_count=1),
    NodeReported(
        cluster="alpha",
        hostname="n01",
        boot_time=NOON,
        interval_seconds=10.0,
        agent_version="0.1.0",
        kernel="6.1.0",
        os="Debian GNU/Linux 12 (bookworm)",
        architecture="x86_64",
        cpu_model="EPYC",
        sockets=2,
        cores=64,
        hwthreads=128,
        memory_bytes=540_000_000_000,
        gpus=4,
        gpu_models=["NVIDIA H100 80GB HBM3"],
        collectors=["cpu", "memory"],
    ),
    RunStarted(
        cluster="alpha",
        run_id="0f3a5c7e9b1d.0123456789abcdef",
        hostname="n01",
        name="fluid",
        start_time=NOON,
        user="ada",
        uid=1001,
        job_id=4711,
        rank=0,
        pid=2345,
    ),
    RunFinished(
        cluster="alpha",
        run_id="0f3a5c7e9b1d.0123456789abcdef",
        hostname="n01",
        end_time=NOON,
        user="ada",
        reason="its process ended",
    ),
)


def example_event(data: EventData) -> Event:
    return Event(id="0001", source="/clusters/alpha/hook/n01", time=NOON, data=data)


@pytest.mark.parametrize("data", EXAMPLES, ids=lambda d: d.type)
def test_every_event_has_its_golden_wire_form(data):
    golden = (GOLDEN / f"{data.type}.v1.json").read_bytes()

    wire = encode_event(example_event(data))

    assert json.loads(wire) == json.loads(golden)
    assert decode_event(golden) == example_event(data)


def test_every_event_type_has_an_example():
    assert {d.type for d in EXAMPLES} == set(EVENT_TYPES)


def test_an_event_travels_under_its_type_with_its_id():
    message = event_message(example_event(EXAMPLES[1]))

    assert message.exchange is Exchange.EVENTS
    assert (message.routing_key, message.message_id) == ("job.started", "0001")


def test_readers_ignore_what_they_do_not_know():
    document = json.loads(encode_event(example_event(EXAMPLES[4])))
    document["traceparent"] = "00-ab-cd-01"
    document["data"]["invented_later"] = {"a": 1}

    event = decode_event(json.dumps(document).encode())

    assert event.data == EXAMPLES[4]


def _changed(**changes: object) -> bytes:
    document = json.loads(encode_event(example_event(EXAMPLES[1])))
    for path, value in changes.items():
        target = document["data"] if path.startswith("data_") else document
        target[path.removeprefix("data_")] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "CloudEvents"),
        (b"\xff\xfe", "CloudEvents"),
        (b"[]", "CloudEvents"),
        (_changed(id=""), "id"),
        (_changed(time="yesterday"), "time"),
        (_changed(time="2026-11-20T12:00:00"), "time"),
        (_changed(specversion="0.3"), "specversion"),
        (_changed(data_job_id=0), "job_id"),
        (_changed(data_job_id=2**70), "job_id"),
        (_changed(data_start_time=None), "start_time"),
        (_changed(data_nodes=[1]), "nodes"),
        (_changed(data_name="x" * 5000), "name"),
    ],
)
def test_bad_events_are_refused_with_the_place(body, says):
    with pytest.raises(Malformed, match=says):
        decode_event(body)


def test_an_unknown_type_is_refused_with_the_known_ones():
    with pytest.raises(UnknownMessage, match=r"job\.started"):
        decode_event(_changed(type="job.exploded"))


@given(st.binary(max_size=300))
def test_any_bytes_are_either_an_event_or_refused(body):
    try:
        decode_event(body)
    except Rejected as exc:
        assert str(exc)
