"""Counters become rates; a wrap is counted, a reset gives no value."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_agent.rates import Field, Row, counter, per_second


def test_a_rate_is_the_increase_per_second():
    assert per_second([100, 7], [350, 7], 10, [64, 64]) == [25, 0]


@pytest.mark.parametrize("bits", [32, 64])
def test_a_wrap_is_counted(bits):
    assert per_second([2**bits - 100], [400], 10, [bits]) == [50]


@pytest.mark.parametrize("before", [5_000, 2**32 - 100, 2**63])
def test_a_reset_gives_no_value(before):
    [rate] = per_second([before], [10], 10, [64])

    assert math.isnan(rate)


def test_a_reset_of_one_counter_leaves_the_others():
    first, second = per_second([900, 100], [1, 200], 10, [64, 64])

    assert math.isnan(first)
    assert second == 10


def test_a_counter_that_could_not_be_read_hides_no_reset():
    assert all(map(math.isnan, per_second([math.nan, 100], [5, 1], 10, [64, 64])))


def test_a_row_tells_gauges_at_once_and_rates_from_the_second_time():
    row = Row([Field("level", factor=2), None, counter("flow", 8)], ("node", "", "device", "x"))

    first = row.samples([5, 0, 100], 1.0)
    second = row.samples([6, 0, 200], 11.0)

    assert [(s.name, s.value) for s in first] == [("level", 10)]
    assert [(s.name, s.value) for s in second] == [("level", 12), ("flow", 80)]
    assert {s.stype_id for s in second} == {"x"}


def test_no_time_between_two_readings_gives_no_rates():
    row = Row([counter("flow")])
    row.samples([1], 5.0)

    assert row.samples([2], 5.0) == []


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.sampled_from([32, 64]))
def test_a_rate_is_never_negative(before, now, bits):
    [rate] = per_second([before], [now], 1, [bits])

    assert math.isnan(rate) or rate >= 0
