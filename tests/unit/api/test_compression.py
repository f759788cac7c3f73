"""Answers that are large enough are compressed for who takes gzip: lists of nodes, and the page's files."""

from fastapi.testclient import TestClient
from pilothouse_common.contract.events import NodeReported

from tests.support.api import Api, Gateway


def test_a_list_of_many_nodes_is_compressed(gateway: Gateway, api: Api) -> None:
    gateway.record(*(NodeReported(cluster="alpha", hostname=f"n{i:03}") for i in range(100)))

    answer = api.get("/v1/nodes", limit=100)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.json()["items"]) == 100


def test_a_short_answer_is_sent_as_it_is(client: TestClient) -> None:
    assert "Content-Encoding" not in client.get("/healthz").headers
