"""Every metric that a collector can tell is in the catalogue, and docs/metrics.md says the same."""

from pathlib import Path

import pytest
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_common.contract.metrics.costs import COST_MICROSECONDS
from pilothouse_common.contract.metrics.table import METRICS, find_metric
from pilothouse_common.contract.metrics_document import document

from tests.unit.agent.tree import ALL_FIELDS, after_ten_seconds, lines, recorded

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
UNITS = {"", "%", "B", "B/s", "F/s", "1/s", "s", "J", "W", "Hz", "V", "A", "degC"}


@pytest.mark.parametrize("factory", COLLECTORS, ids=lambda factory: factory.name)
def test_every_metric_of_a_collector_is_in_the_catalogue(tmp_path, factory):
    names = {
        s.name for s in after_ten_seconds(recorded(tmp_path, factory.name), factory, ALL_FIELDS)
    }

    assert names
    assert [name for name in sorted(names) if find_metric(name) is None] == []


@pytest.mark.parametrize("factory", COLLECTORS, ids=lambda factory: factory.name)
def test_a_recorded_node_gives_the_expected_lines(tmp_path, factory):
    expected = (GOLDEN / f"{factory.name}.lines").read_text()

    text = lines(after_ten_seconds(recorded(tmp_path, factory.name), factory))

    assert text == expected


def test_every_collector_has_a_measured_cost():
    missing = {factory.name for factory in COLLECTORS} - COST_MICROSECONDS.keys()

    assert not missing, "run: .venv/bin/python -m bench collectors --write"


def test_names_are_unique_and_units_are_known():
    names = [metric.name for metric in METRICS]

    assert len(set(names)) == len(names)
    assert {metric.unit for metric in METRICS} <= UNITS


def test_the_longest_family_describes_a_name():
    pages = find_metric("meminfo_hugepages_total")
    other = find_metric("meminfo_mapped")

    assert pages is not None
    assert other is not None
    assert (pages.unit, other.unit) == ("", "B")
    assert find_metric("nonsense") is None


def test_the_page_is_made_from_the_catalogue():
    page = (ROOT / "docs/metrics.md").read_text()

    assert page == document(), (
        "run: .venv/bin/python -m pilothouse_common.contract.metrics_document > docs/metrics.md"
    )
