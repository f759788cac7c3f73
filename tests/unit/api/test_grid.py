"""Windows, grids and times: round steps, bounded work, clear refusals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_api.nodes.newest import LIVE_METRICS
from pilothouse_api.series.choice import PREFERRED, split_names
from pilothouse_api.series.grid import (
    MAX_POINTS,
    MAX_VALUES,
    check_work,
    lay_grid,
    round_step,
    snap,
)
from pilothouse_api.series.schemas import Level
from pilothouse_api.series.service import join_series
from pilothouse_api.times import parse_time, parse_window
from pilothouse_common.contract.metrics.table import METRICS
from pilothouse_common.contract.samples import TYPES
from pilothouse_common.errors import Malformed
from pilothouse_common.store.samples.port import Series

NOW = datetime(2026, 11, 20, 12, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(0.2, 1), (1, 1), (1.1, 2), (18, 20), (61, 120), (3601, 7200), (86_401, 172_800)],
)
def test_steps_are_round(seconds: float, step: int) -> None:
    assert round_step(seconds) == step


@given(
    span=st.integers(1, 400 * 86_400),
    points=st.integers(1, MAX_POINTS),
    finest=st.sampled_from([1.0, 10.0, 60.0]),
)
def test_a_grid_never_has_more_points_than_asked_for(span: int, points: int, finest: float) -> None:
    grid = lay_grid(
        NOW - timedelta(seconds=span),
        NOW,
        points=points,
        resolution_seconds=None,
        finest_seconds=finest,
    )

    assert grid.resolution_seconds >= finest
    assert grid.points <= points + 1  # one more where the window begins within a bucket


def test_a_window_begins_with_its_bucket() -> None:
    assert snap(NOW, 60) == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_too_fine_a_grid_is_refused() -> None:
    with pytest.raises(Malformed, match="at most 10000"):
        lay_grid(NOW - timedelta(days=1), NOW, points=None, resolution_seconds=1)


def test_too_much_work_is_refused_with_what_to_do() -> None:
    check_work(metrics=1, parts=1, points=MAX_VALUES)

    with pytest.raises(Malformed, match="over_nodes"):
        check_work(metrics=1, parts=2, points=MAX_VALUES)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("now", NOW),
        ("-1h", NOW - timedelta(hours=1)),
        ("-90s", NOW - timedelta(seconds=90)),
        ("-2w", NOW - timedelta(weeks=2)),
        ("1763640000", datetime(2025, 11, 20, 12, tzinfo=UTC)),
        ("1763640000.5", datetime(2025, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T13:00:00+01:00", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T13:00:00 01:00", datetime(2026, 11, 20, 12, tzinfo=UTC)),
    ],
)
def test_times_have_three_forms(text: str, time: datetime) -> None:
    assert parse_time("start", text, NOW) == time


@given(text=st.text(max_size=40))
def test_any_other_text_is_refused_and_never_fails(text: str) -> None:
    try:
        time = parse_time("start", text, NOW)
    except Malformed as exc:
        assert str(exc).startswith("start: ")
    else:
        assert time.tzinfo is not None


def test_a_window_runs_forwards() -> None:
    with pytest.raises(Malformed, match="not before"):
        parse_window("now", "-1h", NOW)
    assert parse_window(None, None, NOW) == (None, None)


def test_a_bucket_that_two_starts_share_is_combined() -> None:
    first = Series("n1", "", "", (0, 10), (1.0, 2.0))
    second = Series("n1", "", "", (10, 20), (4.0, 5.0))

    joined = join_series([first, second], max)

    assert joined == [Series("n1", "", "", (0, 10, 20), (1.0, 4.0, 5.0))]


def test_names_stand_between_commas_and_count_once() -> None:
    assert split_names(["cpu_user, mem_used", "cpu_user"]) == ["cpu_user", "mem_used"]
    with pytest.raises(Malformed):
        split_names(["cpu_*"])


def test_the_levels_are_those_of_the_wire() -> None:
    levels: Any = Level

    assert levels.__args__ == TYPES


def test_what_is_shown_first_is_in_the_catalogue() -> None:
    later = {"acc_utilization", "acc_mem_used", "mem_bw", "flops_any"}  # of collectors yet to come

    assert {*PREFERRED, *LIVE_METRICS} - {metric.name for metric in METRICS} <= later
