"""Ticks are whole multiples of the interval on the wall clock; missed ones are skipped."""

from hypothesis import given
from hypothesis import strategies as st
from pilothouse_agent.schedule import Schedule

from tests.unit.agent.tree import FakeClock


def test_the_first_tick_is_the_next_multiple():
    clock = FakeClock(1003.5)
    schedule = Schedule(clock, 10)

    wait = schedule.wait_seconds()
    early = schedule.take()
    clock.advance(wait)

    assert wait == 6.5
    assert early is None
    assert schedule.take() == 1010


def test_a_tick_is_taken_once():
    clock = FakeClock(1000)
    schedule = Schedule(clock, 10)
    clock.advance(10)

    assert schedule.take() == 1010
    assert schedule.take() is None


def test_a_slow_sweep_does_not_shift_the_ticks():
    clock = FakeClock(1000)
    schedule = Schedule(clock, 10)
    ticks = []

    for work in (0.2, 3.0, 9.9, 0.0):
        clock.advance(schedule.wait_seconds())
        ticks.append(schedule.take())
        clock.advance(work)

    assert ticks == [1010, 1020, 1030, 1040]


def test_missed_ticks_are_skipped():
    clock = FakeClock(1000)
    schedule = Schedule(clock, 10)

    clock.advance(47)

    assert schedule.take() == 1040
    assert schedule.take() is None
    assert schedule.wait_seconds() == 3


def test_a_clock_set_forward_gives_one_tick():
    clock = FakeClock(1000)
    schedule = Schedule(clock, 10)

    clock.wall += 86_400

    assert schedule.take() == 87_400
    assert schedule.wait_seconds() == 10


def test_a_clock_set_back_goes_on_from_there():
    clock = FakeClock(100_000)
    schedule = Schedule(clock, 10)

    clock.wall -= 50_004

    assert schedule.wait_seconds() == 4
    assert schedule.take() is None
    clock.advance(4)
    assert schedule.take() == 50_000


@given(st.floats(1e9, 4e9), st.sampled_from([0.25, 1.0, 10.0, 60.0]))
def test_a_wait_is_never_longer_than_the_interval(now, interval):
    wait = Schedule(FakeClock(now), interval).wait_seconds()

    assert 0 < wait <= interval
