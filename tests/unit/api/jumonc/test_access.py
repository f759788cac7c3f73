"""Who may what: JuMonC's levels, its query token, its session; and what no page of others may."""

from collections.abc import Iterator

import pytest
from pilothouse_api.compat.jumonc.levels import LEVELS, Level, level_of
from pilothouse_api.compat.jumonc.options import JumoncOptions
from pilothouse_api.compat.jumonc.router import entries
from pilothouse_common.contract.scopes import BUNDLES

from tests.support.jumonc import LEVEL_NAMES, OldClient, an_old_client, own_stores

NEEDS = {entry.path: entry.level for entry in entries()}


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> Iterator[OldClient]:
    """One gateway for all: none of these tests changes what another sees but its cookies."""
    with (
        own_stores(tmp_path_factory.mktemp("access")) as (records, samples),
        an_old_client(records, samples) as made,
    ):
        yield made


@pytest.fixture
def old(one: OldClient) -> OldClient:
    one.http.cookies.clear()
    return one


def test_the_ladder_has_jumoncs_numbers():
    assert [(level.number, level.name) for level in LEVELS] == [
        (0, "see_links"),
        (5, "retrieve_data"),
        (10, "compute_data"),
        (15, "retrieve_simulation_data"),
        (20, "compute_simulation_data"),
        (100, "full"),
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_a_token_stands_on_the_highest_level_whose_scopes_it_has(level):
    assert level_of(BUNDLES[level.name]) == level


def test_a_token_without_the_first_scope_stands_below_the_ladder(old):
    agent = old.gateway.token("agent", ("samples:write",))

    assert level_of({"samples:write"}) is None
    assert old.get("/v1", None, token=agent).status_code == 401
    assert old.get("/login", None, token=agent).status_code == 400


@pytest.mark.parametrize("held", LEVEL_NAMES)
def test_each_level_opens_itself_and_those_below(old, held):
    for asked in LEVEL_NAMES:
        check_level(old, held, asked)


def check_level(old: OldClient, held: str, asked: str) -> None:
    answer = old.get(f"/test_auth_{asked}", held)

    allowed = LEVEL_NAMES.index(held) >= LEVEL_NAMES.index(asked)
    assert answer.status_code == (200 if allowed else 401)
    if allowed:
        text = f"Your scope: {held} gives authorisation to visit the {asked} scope"
        assert answer.json() == text


@pytest.mark.parametrize("level", LEVELS)
def test_every_path_refuses_whoever_has_no_token_and_the_next_lower_level(old, level):
    for path in sorted(path for path, needed in NEEDS.items() if needed == level):
        check_refusal(old, path.replace("{name}", "load"), level)


def check_refusal(old: OldClient, path: str, level: Level) -> None:
    lower = [each.name for each in LEVELS if each < level][-1:]

    for answer in [old.get(path, None), *(old.get(path, name) for name in lower)]:
        assert answer.status_code == 401
        assert answer.text.startswith("You are not allowed to access this link, login using")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_token_works_in_a_header_too(old):
    token = old.token("compute_data")

    for headers in ({"Authorization": f"Bearer {token}"}, {"X-Auth-Token": token}):
        answer = old.http.get("/jumonc/test_auth_compute_data", headers=headers)
        assert answer.status_code == 200


def test_a_token_in_the_query_works_nowhere_else(old):
    answer = old.http.get("/v1/nodes", params={"token": old.token("full")})

    assert answer.status_code == 401


def test_a_session_holds_no_token_and_dies_with_the_one_it_was_opened_with(old):
    token = old.gateway.token("alice", tuple(BUNDLES["compute_data"]))
    opened = old.get("/login", None, token=token)

    assert opened.json() == "Logged in with scope: compute_data"
    cookie = opened.headers["set-cookie"]
    assert token not in cookie
    for attribute in ("HttpOnly", "SameSite=strict", "Path=/jumonc"):
        assert attribute in cookie
    assert old.get("/test_auth_compute_data", None).status_code == 200
    assert old.get("/scope", None).json() == "Scope: compute_data"

    jti = old.gateway.ports.tokens.verify(token).jti
    old.gateway.ports.tokens.revoke(jti, by="alice")

    assert old.get("/test_auth_see_links", None).status_code == 401


def test_logging_out_ends_the_session_on_the_server(old):
    old.get("/login", "full")
    cookie = old.http.cookies["session"]

    assert old.get("/logout", None).json() == "Logged out of scope: full"
    old.http.cookies.set("session", cookie, path="/jumonc")
    assert old.get("/scope", None).text == "Unauthorized"
    assert old.get("/scope", "see_links").json() == "Scope: see_links"


def test_a_weak_token_leaves_it_to_the_session(old):
    old.get("/login", "full")

    assert old.get("/test_auth_full", "see_links").status_code == 200
    assert old.get("/scope", "see_links").json() == "Scope: full"


@pytest.mark.parametrize("path", ["/scope", "/logout"])
def test_who_is_not_logged_in_is_told_so_with_status_200(old, path):
    answer = old.get(path, None)

    assert (answer.status_code, answer.text) == (200, "Unauthorized")


@pytest.mark.parametrize("origin", ["cross-site", "same-site"])
def test_no_page_of_another_origin_changes_anything_through_a_session(
    sqlite_records, sample_store, origin
):
    stopped: list[bool] = []
    options = JumoncOptions(prefix="", stop=lambda: stopped.append(True))
    with an_old_client(sqlite_records, sample_store, options) as old:
        old.get("/login", "full")
        headers = {"Sec-Fetch-Site": origin}

        assert old.http.get("/stop", headers=headers).status_code == 401
        assert old.http.get("/logout", headers=headers).text == "Unauthorized"
        other = old.http.get("/login", params={"token": old.token("full")}, headers=headers)
        assert other.status_code == 400
        assert stopped == []
        assert old.http.get("/stop", headers={"Sec-Fetch-Site": "none"}).status_code == 200
        assert stopped == [True]


def test_no_token_is_in_any_log_or_answer(old, caplog):
    caplog.set_level("DEBUG")
    token = old.token("full")

    answers = [old.get(path) for path in ("/v1", "/nope", "/v1/cache/list", "/all_links", "/login")]
    answers.append(old.get("/v1/scheduled/schedule", interval="x", task=f"/x?token={token}"))

    ours = [record for record in caplog.records if record.name.startswith("pilothouse")]
    assert not [record for record in ours if token in str(record.__dict__)]
    assert not [answer for answer in answers if token in answer.text]
