"""The wire form of samples: ClusterCockpit line protocol, one gzip member per message."""

import gzip
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_common.contract.samples import (
    Sample,
    SampleEncoder,
    decompress,
    newest_time,
    parse_line,
    parse_lines,
    samples_message,
)
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Malformed

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
).filter(lambda s: not s.endswith("\\") and "\\" not in s and not s.startswith("#"))


def test_a_sample_is_one_line_with_sorted_tags_and_seconds():
    encoder = SampleEncoder("alpha", "n01")

    text = encoder.lines(
        [Sample("cpu_user", 12.5, "hwthread", "3"), Sample("cpu_load", 1)], 1700000000
    )

    assert text == (
        "cpu_user,cluster=alpha,hostname=n01,type=hwthread,type-id=3 value=12.5 1700000000\n"
        "cpu_load,cluster=alpha,hostname=n01,type=node value=1 1700000000\n"
    )


def test_names_are_escaped():
    sample = Sample("fs used", 1.0, stype="filesystem", stype_id="/a b,c=d")

    text = SampleEncoder("alpha", "n01").lines([sample], 1)

    assert (
        r"fs\ used,cluster=alpha,hostname=n01,stype=filesystem,stype-id=/a\ b\,c\=d,type=node"
        in text
    )


@given(st.text(max_size=30), st.text(min_size=1, max_size=30))
def test_no_name_can_break_its_line_or_add_a_tag(stype_id, metric):
    sample = Sample(f"m{metric}", 1.0, stype="device", stype_id=stype_id)

    text = SampleEncoder("alpha", "n01").lines([sample], 1)

    [point] = parse_lines(text.encode().decode())
    assert set(point.tags) <= {"cluster", "hostname", "type", "stype", "stype-id"}
    assert len(point.tags.get("stype-id", "")) == len(stype_id)


def test_values_that_are_not_finite_are_left_out():
    values = [math.nan, math.inf, -math.inf, 2.0]

    text = SampleEncoder("alpha", "n01").lines([Sample("x", v) for v in values], 1)

    assert text.count("\n") == 1
    assert "value=2.0" in text


def test_a_message_is_routed_by_cluster_and_host_and_members_concatenate():
    encoder = SampleEncoder("alpha", "n01.site.org")
    one = encoder.message([Sample("x", 1.0)], 1)
    two = encoder.message([Sample("x", 2.0)], 2)
    assert one is not None
    assert two is not None

    text = decompress(one.body + two.body)

    assert (one.exchange, one.routing_key) == (Exchange.SAMPLES, "alpha.n01.site.org")
    assert one.content_encoding == "gzip"
    assert [p.time_seconds for p in parse_lines(text.decode())] == [1, 2]


def test_nothing_to_say_is_no_message():
    assert SampleEncoder("alpha", "n01").message([], 1) is None


@pytest.mark.parametrize("cluster", ["", "a.b", "a b", "-x", "x" * 64, "a/b", "#"])
def test_a_cluster_name_that_would_break_routing_is_refused(cluster):
    with pytest.raises(Malformed, match="cluster"):
        SampleEncoder(cluster, "n01")


@given(name=NAMES, type_id=NAMES, value=st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_encoded_is_parsed_back(name, type_id, value):
    sample = Sample(name, value, stype="device", stype_id=type_id)

    text = SampleEncoder("alpha", "n01").lines([sample], 1700000000)
    point = parse_line(text.rstrip("\n"))

    assert (point.name, point.tags["stype-id"], point.value) == (name, type_id, value)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "x value=",
        "x value=1",
        "x value=a 1",
        "x value=1 1.5",
        'x value="s" 1',
        "x other=1 1",
        "x,=1 value=1 1",
    ],
)
def test_a_line_of_another_form_is_refused(line):
    with pytest.raises(Malformed, match="name"):
        parse_line(line)


def test_damage_to_a_gzip_body_is_refused():
    body = samples_message("alpha.n01", b"x value=1 1\n" * 100).body

    for damaged in (
        body[:-3],
        body[:10],
        b"x" + body,
        body + b"tail",
        gzip.compress(b"a" * 5000)[:20],
    ):
        with pytest.raises(Malformed, match="gzip"):
            decompress(damaged)


def test_a_gzip_bomb_is_refused():
    bomb = gzip.compress(b"0" * 10_000_000)

    with pytest.raises(Malformed, match="more than"):
        decompress(bomb, limit_bytes=1_000_000)


def test_the_newest_time_travels_in_the_gzip_header():
    message = SampleEncoder("alpha", "n01").message([Sample("x", 1.0)], 1_760_000_000)

    assert message is not None
    assert message.body[4:8] == (1_760_000_000).to_bytes(4, "little")
    assert newest_time(message.body) == 1_760_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"x value=1 5\nx value=1 1700000000\n\n", 1_700_000_000), (b"x value=1", 0), (b"", 0)],
)
def test_without_it_the_last_line_tells(text: bytes, expected: int):
    assert newest_time(samples_message("a.b", text).body) == expected


@pytest.mark.parametrize("body", [b"", b"x value=1 5", b"\x1f\x8b\x08" + bytes(10)])
def test_the_newest_time_of_what_is_not_gzip_is_malformed(body: bytes):
    with pytest.raises(Malformed):
        newest_time(body)


def test_series_keys_of_jobs_that_ended_are_forgotten():
    encoder = SampleEncoder("alpha", "n01")
    encoder.lines([Sample("cpu_load", 1)], 1)
    before = len(pickle.dumps(encoder))
    for first in range(0, 100_000, 100):
        encoder.lines([Sample("job_user_cpu", 1, jobid=str(first + n)) for n in range(100)], 1)

    assert len(pickle.dumps(encoder)) - before < 1_500_000
