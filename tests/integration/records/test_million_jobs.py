"""With a million jobs, page 1,000 of every list costs what page 1 costs, and no plan reads the table."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.store.records import JOB_SORTS, JobFilter, JobRepository, JobSort, Records
from sqlalchemy import event

from tests.support.million_jobs import FIRST_TIME, JOBS, SECONDS_APART, fill
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(400)  # the first test waits for the million
PAGE = 1000


def _at(share: float) -> datetime:
    return datetime.fromtimestamp(FIRST_TIME, UTC) + timedelta(seconds=JOBS * SECONDS_APART * share)


FILTERS: dict[str, tuple[JobFilter, int]] = {
    "all": (JobFilter(), 50),
    "cluster": (JobFilter(cluster="small"), 50),
    "user with many jobs": (JobFilter(users=["user0"]), 20),
    "user with few jobs": (JobFilter(users=["user290"]), 1),
    "user in a cluster": (JobFilter(users=["user0"], cluster="small"), 2),
    "two users": (JobFilter(users=["user5", "user250"]), 5),
    "account": (JobFilter(accounts=["account7"]), 10),
    "partition": (JobFilter(partitions=["partition3"]), 50),
    "common state": (JobFilter(states=["COMPLETED"]), 50),
    "rare state": (JobFilter(states=["RUNNING"]), 4),
    "two states": (JobFilter(states=["COMPLETED", "FAILED"]), 50),
    "two partitions": (JobFilter(partitions=["partition1", "partition2"]), 50),
    "node": (JobFilter(node="n17"), 2),
    "node in a cluster": (JobFilter(node="n17", cluster="big"), 2),
    "name": (JobFilter(name="md-17"), 1),
    "name prefix": (JobFilter(name="md-1*"), 20),
    "since": (JobFilter(start=_at(0.5)), 50),
    "window": (JobFilter(start=_at(0.3), end=_at(0.4)), 50),
    "window of a user": (JobFilter(users=["user0"], start=_at(0.3), end=_at(0.6)), 10),
    "visible to a user": (JobFilter(visible=Restriction(user="user3")), 5),
    "visible to an account": (JobFilter(visible=Restriction(account="account3")), 10),
}
MAY_SORT = {"two users", "two states", "two partitions", "name prefix"}
"""Lists united from several ranges of an index: a sort is then of those rows only."""


@dataclass
class Cost:
    """What a page cost the database."""

    nodes: list[dict[str, Any]]
    milliseconds: float

    @property
    def rows(self) -> float:
        """Rows read from tables and indexes, also those that a filter threw away."""
        return sum(
            float(
                node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
            )
            for node in self.nodes
            if "Scan" in node["Node Type"]
        )

    @property
    def buffers(self) -> float:
        return sum(float(self.nodes[0][f"Shared {kind} Blocks"]) for kind in ("Hit", "Read"))


@pytest.fixture(scope="module")
def million(postgres_databases: Databases) -> Iterator[Records]:
    url = postgres_databases.empty()
    begun = time.monotonic()
    fill(url)
    print(f"\n{JOBS} jobs made in {time.monotonic() - begun:.0f} s")
    records = Records(url)
    yield records
    records.close()
    postgres_databases.drop(url)


@pytest.mark.parametrize("name", FILTERS)
def test_page_1000_costs_what_page_1_costs(million: Records, name: str) -> None:
    wanted, limit = FILTERS[name]

    first, thousandth = _costs(million, wanted, "-start_time", limit)

    _print(name, first, thousandth)
    _assert_flat(first, thousandth, limit)
    if name not in MAY_SORT:
        assert "Sort" not in _types(first) | _types(thousandth)


@pytest.mark.parametrize("sort", JOB_SORTS)
def test_every_sort_pages_along_an_index(million: Records, sort: JobSort) -> None:
    first, thousandth = _costs(million, JobFilter(), sort, 50)

    _print(sort, first, thousandth)
    _assert_flat(first, thousandth, 50)
    assert "Sort" not in _types(first) | _types(thousandth)


def test_one_job_is_found_by_its_id(million: Records) -> None:
    with million.reading() as session, _statements(million) as statements:
        job = JobRepository(session).get(JOBS // 2)

    assert job is not None
    assert _explain(million, *statements[0]).rows <= 10


def test_jobs_running_on_nodes_are_found_by_index(million: Records) -> None:
    with million.reading() as session, _statements(million) as statements:
        found = JobRepository(session).running_on("big", [f"n{i}" for i in range(20)])

    assert len(found) == 20
    cost = _explain(million, *statements[0])
    assert cost.rows <= 10 * sum(len(ids) for ids in found.values())


def _costs(records: Records, wanted: JobFilter, sort: JobSort, limit: int) -> tuple[Cost, Cost]:
    with records.reading() as session, _statements(records) as statements:
        repository = JobRepository(session)
        repository.page(wanted, sort=sort, limit=limit)
        cursor = repository.page(wanted, sort=sort, limit=limit * (PAGE - 1)).next_cursor
        assert cursor is not None, "too few jobs for 1,000 pages"
        page = repository.page(wanted, sort=sort, limit=limit, cursor=cursor)
        assert len(page.items) == limit
    return _explain(records, *statements[0]), _explain(records, *statements[2])


@contextmanager
def _statements(records: Records) -> Iterator[list[tuple[str, Any]]]:
    """Collect what is really sent."""
    found: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            found.append((statement, parameters))

    event.listen(records.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(records.engine, "before_cursor_execute", note)


def _explain(records: Records, statement: str, parameters: Any) -> Cost:
    with records.engine.connect() as connection:
        asked = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        connection.exec_driver_sql(asked, parameters)
        (answer,) = connection.exec_driver_sql(asked, parameters).scalar_one()
    cost = Cost(list(_walk(answer["Plan"])), answer["Execution Time"])
    for node in cost.nodes:
        assert node["Node Type"] != "Seq Scan", answer
        if node["Node Type"] == "Sort":
            assert node["Actual Rows"] <= JOBS / 10, answer
    return cost


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _walk(child)


def _types(cost: Cost) -> set[str]:
    return {node["Node Type"] for node in cost.nodes}


def _assert_flat(first: Cost, thousandth: Cost, limit: int) -> None:
    assert thousandth.rows <= 3 * first.rows + limit
    assert max(first.rows, thousandth.rows) <= JOBS / 100
    assert thousandth.buffers <= 3 * first.buffers + 2 * limit  # each row on a page of its own


def _print(name: str, first: Cost, thousandth: Cost) -> None:
    scans = ", ".join(node["Index Name"] for node in thousandth.nodes if "Index Name" in node)
    print(
        f"{name:22} page 1: {first.milliseconds:6.2f} ms {first.rows:6.0f} rows  "
        f"page {PAGE}: {thousandth.milliseconds:6.2f} ms {thousandth.rows:6.0f} rows  {scans}"
    )
