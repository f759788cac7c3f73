"""The OpenAPI document: committed as it is served, complete."""

from pathlib import Path
from typing import Any

import pytest
from pilothouse_api import openapi
from pilothouse_api.routes import document_of, make_app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of(make_app())


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_committed_document_is_the_one_that_is_served() -> None:
    committed = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")

    assert committed == openapi.render(), "run: python -m pilothouse_api.openapi docs/openapi.json"


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name


def test_every_guarded_operation_names_its_scopes_and_problems(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "security" in operation:
            assert "Needs: " in operation["description"], name
            assert {"401", "403"} <= set(operation["responses"]), name


def test_every_shape_of_data_is_described(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name


def test_operations_are_named_once(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]

    assert len(names) == len(set(names))


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (name, parameter["name"])


def test_every_body_and_answer_has_an_example(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    for name, operation in operations(document):
        if "operation" in operation["tags"]:
            continue  # probes and Prometheus
        contents = [answer.get("content", {}) for answer in operation["responses"].values()]
        for content in (operation.get("requestBody", {}).get("content", {}), *contents):
            for media in content.values():
                shape = shapes.get(media["schema"].get("$ref", "").rpartition("/")[2], {})
                assert "example" in media or shape.get("examples"), name
