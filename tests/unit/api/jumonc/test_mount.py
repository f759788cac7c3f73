"""Where the form is found, and what stays the gateway's own."""

import pytest
from pilothouse_api.compat.jumonc.options import JumoncOptions

from tests.support.jumonc import an_old_client, own_stores

AT_ROOT = JumoncOptions(prefix="", stop=lambda: None)


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    with (
        own_stores(tmp_path_factory.mktemp("mount")) as (records, samples),
        an_old_client(records, samples) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def at_root(tmp_path_factory):
    with (
        own_stores(tmp_path_factory.mktemp("root")) as (records, samples),
        an_old_client(records, samples, AT_ROOT) as made,
    ):
        yield made


@pytest.mark.parametrize("path", ["/ping", "/ping/", "/jumonc/ping", "/jumonc/jumonc/ping"])
def test_a_trailing_slash_and_a_repeated_prefix_change_nothing(at_root, path):
    assert at_root.http.get(path).text == "PONG.\n"


def test_links_lead_back_whether_or_not_a_client_puts_its_base_before_them(old):
    link = old.json("/v1")[0]["link"]

    assert link == "/jumonc/v1/cache"
    for path in (link, f"/jumonc{link}"):
        answer = old.http.get(path, params={"token": old.token("see_links")})
        assert answer.status_code == 200


def test_only_below_the_prefix_a_gateway_speaks_it(old):
    assert old.http.get("/ping").headers["content-type"].startswith("text/html")
    assert old.http.get("/ping").text != "PONG.\n"
    assert old.http.get("/v1/cpu").status_code == 404


def test_at_the_root_the_gateways_own_routes_stay(at_root):
    http, bearer = at_root.http, {"Authorization": f"Bearer {at_root.token('full')}"}

    assert "items" in http.get("/v1/nodes", headers=bearer).json()
    assert "items" in http.get("/v1/jobs", headers=bearer).json()
    assert http.get("/openapi.json").status_code == 200
    assert http.get("/login", params={"code": "x"}, follow_redirects=False).status_code == 401
    assert "JuMonC" not in http.get("/", headers={"Accept": "text/html,*/*"}).text
    assert (
        http.get("/", headers={"Accept": "text/html,*/*"})
        .headers["content-type"]
        .startswith("text/html")
    )
    assert isinstance(http.get("/").json(), list)


@pytest.mark.parametrize(
    "path", ["/v2", "/v1/nope", "/nope", "/v1/job/status/x", "/v1/io/config/x"]
)
def test_what_is_not_there_is_a_page(old, path):
    answer = old.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "404 Not Found" in answer.text


def test_other_methods_are_refused_and_options_need_no_token(old):
    refused = old.http.post("/jumonc/v1/cpu")
    asked = old.http.options("/jumonc/v1/cpu")

    assert refused.status_code == 405
    assert refused.headers["content-type"] == "text/html; charset=utf-8"
    assert "GET" in refused.headers["allow"]
    assert (asked.status_code, asked.text) == (200, "")
    assert old.http.head("/jumonc/ping").status_code == 200


def test_stop_ends_the_process_of_one_allocation_and_is_refused_elsewhere(
    sqlite_records, sample_store, old
):
    refused = old.get("/stop")
    stopped: list[bool] = []
    options = JumoncOptions(prefix="", stop=lambda: stopped.append(True))
    with an_old_client(sqlite_records, sample_store, options) as own:
        done = own.get("/stop")

    assert refused.status_code == 403
    assert "Nothing was stopped" in refused.text
    assert done.json() == "Stopping server and shutting down JuMonC\n"
    assert stopped == [True]
