"""The page: its files and nothing else, never from elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pilothouse_api.page.files import find_file

from tests.support.api import Gateway, serving


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A built page, and a secret beside it."""
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>page</title>")
    (root / "favicon.svg").write_text("<svg/>")
    (root / "assets" / "main-1a2b.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret.txt")
    return root


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "assets/../../secret.txt",
        "/../secret.txt",
        "//etc/passwd",
        "..\\secret.txt",
        "link",
        "assets",
        "",
        "a\x00b",
        "x" * 5000,
    ],
)
def test_no_path_leaves_the_built_files(built: Path, path: str) -> None:
    assert find_file(path, built) is None


def test_built_files_are_found(built: Path) -> None:
    assert find_file("assets/main-1a2b.js", built) == built / "assets" / "main-1a2b.js"
    assert find_file("/index.html", built) == built / "index.html"


@pytest.fixture
def browser(gateway: Gateway, built: Path) -> Iterator[TestClient]:
    gateway.app.state.static = built
    with serving(gateway) as client:
        yield client


def test_each_address_of_the_page_is_the_page(browser: TestClient) -> None:
    for path in ("/", "/jobs", "/jobs/alex/4711", "/nodes/node01.example.org"):
        answer = browser.get(path)
        assert (answer.status_code, "page" in answer.text) == (200, True)
        assert answer.headers["Cache-Control"] == "no-cache"
    assert browser.head("/").status_code == 200


def test_files_that_carry_their_hash_may_be_kept(browser: TestClient) -> None:
    answer = browser.get("/assets/main-1a2b.js")

    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert "javascript" in answer.headers["Content-Type"]
    assert browser.get("/favicon.svg").headers["Content-Type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    ["/assets/..%2f..%2fsecret.txt", "/assets/%00", "/v1/none", "/none.js"],
)
def test_what_is_not_there_is_404(browser: TestClient, path: str) -> None:
    answer = browser.get(path)

    assert answer.status_code == 404
    assert "secret" not in answer.json()["detail"]


def test_a_probe_with_head_is_not_answered_by_the_page(browser: TestClient) -> None:
    for path in ("/readyz", "/healthz", "/v1/jobs"):
        assert browser.head(path).status_code == 405
    assert browser.get("/healthz/none").status_code == 404


def test_a_path_upwards_is_only_another_address_of_the_page(browser: TestClient) -> None:
    assert "secret" not in browser.get("/%2e%2e/secret.txt").text


def test_without_a_built_page_it_says_how_to_build_it(
    gateway: Gateway, client: TestClient, tmp_path: Path
) -> None:
    gateway.app.state.static = tmp_path / "none"

    answer = client.get("/")

    assert answer.status_code == 200
    assert "make web" in answer.text


def test_the_docs_come_from_here_alone(client: TestClient) -> None:
    page = client.get("/docs").text

    assert "/v1/jobs/{job_id}/series" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert client.get("/docs/style.css").headers["Content-Type"].startswith("text/css")
