"""Every error is a problem document, whatever is sent; nothing of the inside is in it."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
from fastapi.testclient import TestClient
from pilothouse_api.problems import MEDIA_TYPE
from pilothouse_common.contract.events import JobStarted, NodeReported
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.port import SampleStore

from tests.support.api import Api, Gateway, serving

HOUSE = ["/v1/nodes/node01/series", "/v1/jobs/7/series"]


@pytest.fixture
def filled(gateway: Gateway) -> Gateway:
    gateway.record(
        NodeReported(cluster="alex", hostname="node01"),
        JobStarted(
            cluster="alex", job_id=7, start_time=gateway.clock.now(), nodes=["node01"], user="root"
        ),
    )
    return gateway


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/jobs", {"limit": 0}),
        ("/v1/jobs", {"limit": 501}),
        ("/v1/jobs", {"limit": 10**30}),
        ("/v1/jobs", {"cursor": "nonsense"}),
        ("/v1/jobs", {"cursor": "é\x00"}),
        ("/v1/jobs", {"user": "a\x00b"}),
        ("/v1/jobs", {"name": "\x00*"}),
        ("/v1/jobs", {"sort": "user"}),
        ("/v1/jobs", {"usr": "alice"}),
        ("/v1/jobs", {"start": "yesterday"}),
        ("/v1/jobs", {"start": "-1h", "end": "-2h"}),
        ("/v1/jobs", {"start": "99999999999999999999"}),
        ("/v1/jobs", {"start": "2026-11-20T12:00:00"}),
        ("/v1/jobs", {"start": "-999999999w"}),
        ("/v1/jobs", {"start": "9999-12-31T23:59:59-12:00"}),
        ("/v1/jobs/0x1", {}),
        ("/v1/jobs/1_", {}),
        ("/v1/jobs/9999999999999999999999", {}),
        ("/v1/nodes", {"state": "sleeping"}),
        ("/v1/nodes", {"cursor": "bm9uc2Vuc2U"}),
        ("/v1/nodes/%00", {}),
        *((path, {"metrics": ","}) for path in HOUSE),
        *((path, {"metrics": "no_such_metric"}) for path in HOUSE),
        *((path, {"metrics": ",".join(f"m{i}" for i in range(33))}) for path in HOUSE),
        *((path, {"points": 0}) for path in HOUSE),
        *((path, {"points": 10, "resolution_seconds": 10}) for path in HOUSE),
        *((path, {"resolution_seconds": 1, "start": "0", "end": "now"}) for path in HOUSE),
        *((path, {"type": "galaxy"}) for path in HOUSE),
        *((path, {"start": "now", "end": "-1h"}) for path in HOUSE),
        *((path, {"start": "2199-01-01T00:00:00Z"}) for path in HOUSE),
        ("/v1/live", {"types": "job.exploded"}),
        ("/v1/live", {"job_id": -1}),
        ("/v1/tokens", {"cursor": "x" * 2000}),
    ],
)
def test_a_wrong_parameter_is_a_problem(
    filled: Gateway, api: Api, path: str, params: dict[str, Any]
) -> None:
    answer = api.get(path, **params)

    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["title"]
    assert problem["detail"]


def test_what_does_not_exist_is_a_problem(api: Api) -> None:
    for answer in (
        api.get("/v1/nonsense"),
        api.get("/v1/jobs/4711"),
        api.get("/v1/nodes/nobody"),
        api.get("/assets/none.js"),
        api.get("/none.txt"),
    ):
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, MEDIA_TYPE)
        assert answer.json()["instance"].startswith("/")


def test_a_wrong_method_is_a_problem(client: TestClient) -> None:
    answer = client.delete("/v1/nodes")

    assert (answer.status_code, answer.headers["Content-Type"]) == (405, MEDIA_TYPE)
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"\xff"',
        b'{"name": "\\ud800", "scopes": ["jobs:read"], "lifetime_seconds": 1}',
        b'{"name": "a\\u0000", "scopes": ["jobs:read"], "lifetime_seconds": 1}',
        b'{"name": "n", "scopes": ["jobs:read"], "lifetime_seconds": 1e400}',
        b'{"name": "n", "scopes": ["jobs:read"], "lifetime_seconds": 1, "admin": true}',
        b"[" * 100_000,
    ],
)
def test_a_wrong_body_is_a_problem(api: Api, body: bytes) -> None:
    answer = api.post("/v1/tokens", content=body, headers={"Content-Type": "application/json"})

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPE


def test_a_pasted_token_is_not_in_the_answer(client: TestClient) -> None:
    answer = client.post("/v1/session", json={"token": "s3cret" * 2000})

    assert answer.status_code == 422
    assert "s3cret" not in answer.text


def test_a_store_that_is_away_is_503_and_its_place_is_not_told(
    gateway: Gateway, client: TestClient, tmp_path: Path
) -> None:
    token = gateway.token()
    gateway.samples.close()
    api = Api(client, token)
    gateway.record(NodeReported(cluster="alex", hostname="node01"))

    answer = api.get("/v1/nodes/node01")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert str(tmp_path) not in answer.text
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").json()["samples"] == "unavailable"
    assert client.get("/healthz").status_code == 200


class BrokenStore:
    """A sample store with a bug in it."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_args: object, **_kwargs: object) -> NoReturn:
            raise KeyError("the inside of the machine")

        return fail


def test_a_bug_is_500_without_the_inside(
    sqlite_records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    store: SampleStore = BrokenStore()
    gateway = Gateway(sqlite_records, store)
    gateway.record(NodeReported(cluster="alex", hostname="node01"))
    with serving(gateway) as client:
        answer = Api(client, gateway.token()).get("/v1/nodes/node01")

    assert (answer.status_code, answer.headers["Content-Type"]) == (500, MEDIA_TYPE)
    assert "inside of the machine" not in answer.text
    assert "Content-Security-Policy" in answer.headers
    assert [r.message for r in caplog.records if r.levelname == "ERROR"] == ["request failed"]


def test_every_answer_has_the_headers_that_browsers_obey(client: TestClient) -> None:
    for path in ("/", "/docs", "/openapi.json", "/healthz", "/v1/jobs", "/none.txt"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_requests_are_counted_by_route_and_not_by_path(filled: Gateway, api: Api) -> None:
    api.get("/v1/jobs/7")
    api.get("/v1/jobs/8")

    text = api.get("/metrics").text

    assert (
        'pilothouse_api_requests_total{method="GET",route="/v1/jobs/{job_id}",status="200"} 1.0'
        in text
    )
    assert 'route="/v1/jobs/{job_id}",status="404"} 1.0' in text
    assert "/v1/jobs/7" not in text
    assert text.endswith("# EOF\n")
