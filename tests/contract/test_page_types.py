"""The page's own types (web/src/api) have the gateway's fields and the contract's events."""

import re
from pathlib import Path

import pytest
from pilothouse_api.routes import make_app
from pilothouse_common.contract.events import EVENT_TYPES

API = Path(__file__).parents[2] / "web/src/api"
PAIRS = {
    "Session": "SessionItem",
    "Hardware": "Hardware",
    "ClusterNode": "NodeItem",
    "Job": "JobItem",
    "JobDetail": "JobDetail",
    "Allocation": "AllocationItem",
    "HistoryEntry": "HistoryItem",
    "Series": "SeriesItem",
    "SeriesAnswer": "SeriesAnswer",
    "Run": "RunItem",
    "Variable": "VariableItem",
    "Metric": "MetricItem",
    "Cluster": "ClusterItem",
    "Efficiency": "Efficiency",
    "JobStatistics": "JobStatistics",
}


def fields_of(name: str) -> set[str]:
    """Return the fields of an interface in types.ts, with those it extends."""
    text = (API / "types.ts").read_text()
    match = re.search(rf"export interface {name}(?: extends (\w+))? {{\n(.*?)\n}}", text, re.DOTALL)
    assert match, name
    own = set(re.findall(r"^  (\w+)\??:", match[2], re.MULTILINE))
    return own | (fields_of(match[1]) if match[1] else set())


@pytest.mark.parametrize(("ours", "theirs"), PAIRS.items())
def test_an_interface_has_the_fields_of_its_schema(ours: str, theirs: str) -> None:
    schemas = make_app().openapi()["components"]["schemas"]

    assert fields_of(ours) == set(schemas[theirs]["properties"])


def test_the_page_listens_for_every_event_there_is() -> None:
    listed = re.search(r"EVENT_TYPES = \[(.*?)\]", (API / "live.ts").read_text(), re.DOTALL)

    assert listed
    assert set(re.findall(r'"([\w.]+)"', listed[1])) == set(EVENT_TYPES)
