"""Documents are true: links resolve, commands exist, every service has its table."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {".venv", "node_modules", "data", "build", "dist"}
PAGES = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob("*.md")
    if not (set(path.relative_to(ROOT).parts) & NOT_OURS or ".pytest_cache" in path.parts)
)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
CODE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|md|json|toml|yaml|sh))`")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_and_files_named_in_a_document_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [(ROOT / page).parent / target for target in LINK.findall(text)]
    named = CODE.findall(text)

    missing_links = [str(p) for p in links if not p.exists()]
    missing_files = [n for n in named if n.startswith(TOP) and not (ROOT / n).exists()]

    assert not missing_links
    assert not missing_files


TOP = ("libs/", "services/", "tests/", "docs/", "compose/", "scripts/", "bench/", "web/")


def test_every_make_target_that_documents_name_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {
        name
        for page in PAGES
        for name in re.findall(r"`make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"))
    }

    assert named <= targets


def test_the_first_screen_of_the_readme_has_the_two_commands():
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40]

    assert any(line.startswith("make run") for line in first)
    assert any(line.startswith("make test") for line in first)


def test_every_service_has_a_readme_with_its_table():
    for service in ("agent", "ingest", "api", "dispatcher", "sender", "standalone"):
        text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8").lower()
        for row in ("consumes", "publishes", "stores", "run"):
            assert row in text, f"services/{service}/README.md: {row}"


def test_generated_documents_are_up_to_date():
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "scripts/docs.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
