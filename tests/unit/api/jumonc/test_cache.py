"""Stored answers: who finds which, page by page, for how long."""

from collections.abc import Iterator

import pytest
from pilothouse_api.compat.jumonc import answers
from pilothouse_api.compat.jumonc.options import JumoncOptions
from pilothouse_common.contract.scopes import BUNDLES
from pilothouse_common.store.records import CompatAnswerRepository, Records

from tests.support.api import SteppedClock
from tests.support.jumonc import OldClient, an_old_client, measure, report

LOAD = "/v1/cpu/status/load"
FREE = "/v1/main_memory/status/free"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def old(sqlite_records, sample_store, clock) -> Iterator[OldClient]:
    with an_old_client(sqlite_records, sample_store, clock=clock) as made:
        fill(made, clock)
        yield made


def fill(old: OldClient, clock: SteppedClock) -> None:
    report(old.gateway, "n1")
    measure(old.gateway.samples, ["n1"], [int(clock.now().timestamp())], {"cpu_load": 2.5})


def entries(old: OldClient, **query) -> list[str]:
    return [item["API_path"] for item in old.json("/v1/cache/list", **query)[1:]]


def test_every_answer_of_a_metric_is_stored_with_its_parameters(old):
    old.json(FREE, humanReadable=0, duration=30)
    kept = old.json(LOAD, prefer_id="true")

    assert entries(old) == [LOAD, FREE]
    load = old.json("/v1/cache/id", id=kept["cache_id"])
    free = old.json("/v1/cache/id", id=kept["cache_id"] - 1)
    assert load["results"] == {"CPU load": "2.5"}
    assert (free["Used API path"], free["parameter"]) == (FREE, {"duration": "30.0"})


def test_pages_lead_to_each_other_and_the_last_is_the_last(old):
    for _ in range(5):
        old.json(LOAD)
    old.json(FREE)

    first = old.json("/v1/cache/list", entries=2)
    assert first[0] == {
        "description": "Showing cache elements for 0 to 2, most recent results first",
        "last page": 3,
        "next page": "/jumonc/v1/cache/list/?entries=2&page=2",
        "page": 1,
        "path filter": "",
        "total entries": 6,
    }
    paths = [item["API_path"] for item in first[1:]]
    link = first[0]["next page"]
    while link:
        page = old.http.get(link, params={"token": old.token("full")} | query_of(link)).json()
        paths += [item["API_path"] for item in page[1:]]
        link = page[0].get("next page")
    back = page[0]["previous page"]

    assert paths == [FREE] + [LOAD] * 5
    assert back == "/jumonc/v1/cache/list/?entries=2&page=2"
    assert "next page" not in page[0]
    assert len(old.json("/v1/cache/list", entries=6)) == 7
    assert old.json("/v1/cache/list", entries=6)[0]["last page"] == 1


def query_of(link: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in link.partition("?")[2].split("&"))


def test_a_pattern_knows_stars_and_question_marks_only(old):
    old.json(FREE)
    old.json(LOAD)

    found = {
        "main_memory": [FREE],
        "MAIN": [FREE],
        "cpu*load": [LOAD],
        "cp?/": [LOAD],
        "mainXmemory": [],
        "%": [],
        "\\": [],
    }
    assert {pattern: entries(old, path=pattern) for pattern in found} == found


@pytest.mark.parametrize("query", [{"page": 0}, {"entries": 0}, {"entries": -1}, {"entries": 1001}])
def test_pages_that_cannot_be_are_refused(old, query):
    assert old.get("/v1/cache/list", **query).status_code == 422


def test_nobody_finds_the_answers_of_another_user_or_of_a_wider_token(old):
    kept = old.json(LOAD, prefer_id="1")["cache_id"]
    scopes = tuple(BUNDLES["retrieve_simulation_data"])
    bob = old.gateway.token("bob", scopes)
    narrow = old.gateway.token("alice", scopes, cluster="alpha")
    same = old.gateway.token("alice", scopes)

    for token, status in ((bob, 400), (narrow, 400), (same, 200)):
        assert old.get("/v1/cache/id", None, token=token, id=kept).status_code == status
    assert old.get("/v1/cache/list", None, token=bob).json()[0]["total entries"] == 0

    old.get(LOAD, None, token=narrow)

    assert old.get("/v1/cache/list", None, token=narrow).json()[0]["total entries"] == 1
    assert old.get("/v1/cache/list", None, token=same).json()[0]["total entries"] == 2


def test_in_one_allocation_answers_belong_to_all_of_its_tokens(sqlite_records, sample_store, clock):
    options = JumoncOptions(prefix="", stop=lambda: None)
    with an_old_client(sqlite_records, sample_store, options, clock=clock) as old:
        fill(old, clock)
        kept = old.json(LOAD, prefer_id="1")["cache_id"]
        other = old.gateway.token("carol", tuple(BUNDLES["retrieve_simulation_data"]))

        assert old.get("/v1/cache/id", None, token=other, id=kept).status_code == 200


def test_answers_outlive_the_process(sqlite_records, sample_store, clock):
    with an_old_client(sqlite_records, sample_store, clock=clock) as first:
        fill(first, clock)
        first.json(LOAD)
    with an_old_client(sqlite_records, sample_store, clock=clock) as second:
        assert entries(second) == [LOAD]


def test_only_so_many_answers_are_kept(old):
    caller = old.gateway.ports.tokens.verify(old.token("full"))
    some = answers.Answers(
        old.gateway.records, old.gateway.clock, JumoncOptions(), later=lambda *_: None, kept=20
    )
    for i in range(answers.PRUNE_EVERY):
        some.note(caller, FREE, {}, {"free[B]": str(i)})
    some.flush()

    assert old.json("/v1/cache/list")[0]["total entries"] == 20
    newest = old.json("/v1/cache/list")[1]["ID"]
    assert old.json("/v1/cache/id", id=newest)["results"] == {
        "free[B]": str(answers.PRUNE_EVERY - 1)
    }


def test_answers_wait_for_a_store_that_is_away_and_that_is_said_once(tmp_path, old, caplog):
    store, work = Records(f"sqlite:///{tmp_path}/late.sqlite"), []
    some = answers.Answers(
        store, old.gateway.clock, JumoncOptions(), later=lambda _, job: work.append(job)
    )
    caller = old.gateway.ports.tokens.verify(old.token("full"))
    some.note(caller, FREE, {}, {"free[B]": "1"})
    for _ in range(3):
        work.pop()()  # not migrated: it refuses everything
    assert caplog.text.count("answers wait for the record store") == 1

    store.migrate()
    work.pop()()

    with store.reading() as session:
        assert CompatAnswerRepository(session).count(some.seen_by(caller)) == 1
    assert work == []
    store.close()
