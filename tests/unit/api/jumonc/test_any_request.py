"""Whatever is sent to the form is answered in its way, and never with 5xx."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pilothouse_api.compat.jumonc.catalogue import LAYERS
from pilothouse_api.compat.jumonc.router import entries

from tests.support.jumonc import OldClient, an_old_client, measure, own_stores, report

STATUSES = {200, 400, 401, 403, 404, 422, 425}
PATHS = sorted({entry.path for entry in entries()})
NAMES = sorted({leaf.name for layer in LAYERS for leaf in layer.leaves} | {"Bytes", "All"})
PARAMETERS = (
    "duration", "humanReadable", "node", "interface", "prefer_id", "page", "entries", "path", "id", "ID",
    "interval", "task", "token",
)  # fmt: skip
ODD = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1",
        "1e400",
        "nan",
        "9" * 40,
        "true",
        "n1",
        "total",
        "*",
        "%00",
        "/v1/cpu/status/load",
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldClient]:
    with (
        own_stores(tmp_path_factory.mktemp("any")) as (records, samples),
        an_old_client(records, samples) as made,
    ):
        report(made.gateway, "n1", "n2", interval_seconds=3600)
        measure(samples, ["n1", "n2"], [int(datetime.now(UTC).timestamp())])
        yield made


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    path=st.sampled_from(PATHS),
    name=st.sampled_from(NAMES) | TEXT,
    query=st.dictionaries(st.sampled_from(PARAMETERS), ODD | TEXT, max_size=4),
)
@example(path="/v1/cache/list", name="", query={"path": "\x00"})
@example(path="/v1/scheduled/schedule", name="", query={"interval": "500", "task": "a?" + "&" * 99})
@example(
    path="/v1/network/status/{name}", name="Bytes", query={"interface": "\x00", "prefer_id": "1"}
)
@example(path="/v1/cpu/status/{name}", name="load", query={"node": "\x00", "prefer_id": "1"})
def test_every_request_gets_an_answer_of_the_form(old, path, name, query):
    headers = {"Authorization": f"Bearer {old.token('full')}"}
    path = "/jumonc" + path.replace("{name}", quote(name, safe="") or "x")
    try:
        answer = old.http.get(path, params=query, headers=headers)
    finally:
        old.http.cookies.clear()

    assert answer.status_code in STATUSES, (answer.status_code, answer.text)
    kind = answer.headers["content-type"]
    assert kind in {"application/json", "text/html; charset=utf-8"}
    if kind == "application/json":
        answer.json()
    assert "traceback" not in answer.text.lower()
