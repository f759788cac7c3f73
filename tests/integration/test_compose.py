"""The compose file: valid, complete, without a password in it, and with a health check everywhere."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, compose_command: list[str]) -> dict[str, Any]:
    copy = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "compose", copy / "compose", ignore=shutil.ignore_patterns("secrets.d"))
    subprocess.run([copy / "compose" / "secrets"], check=True, capture_output=True)
    done = subprocess.run(
        [*compose_command, "-f", "compose/compose.yaml", "config", "--format", "json"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr
    config: dict[str, Any] = json.loads(done.stdout)
    return config


def test_every_service_has_its_image_and_starts_when_its_parts_are_healthy(stack):
    ours = {name: s for name, s in stack["services"].items() if "build" in s}

    assert set(ours) == {"ingest", "api", "dispatcher", "agent"}
    for name, service in ours.items():
        assert service["build"]["args"]["SERVICE"] == name
        assert all(d["condition"] == "service_healthy" for d in service["depends_on"].values())


def test_every_service_has_a_health_check(stack):
    without = {name for name, s in stack["services"].items() if "healthcheck" not in s}

    assert without == set()


def test_only_the_page_is_published_and_only_on_loopback(stack):
    ports = {name: s["ports"] for name, s in stack["services"].items() if s.get("ports")}

    assert set(ports) == {"api"}
    assert [p["host_ip"] for p in ports["api"]] == ["127.0.0.1"]


def test_secrets_are_files_and_never_values(stack):
    text = (ROOT / "compose" / "compose.yaml").read_text()
    environments = [s.get("environment", {}) for s in stack["services"].values()]

    assert not re.search(r"(?i)(password|token|key):\s*[A-Za-z0-9]{8,}\s*$", text, re.MULTILINE)
    for environment in environments:
        assert not {n for n in environment if n.endswith(("_BROKER_URL", "_RECORDS_URL", "_KEY"))}


def test_secrets_are_made_once(tmp_path):
    shutil.copy(ROOT / "compose" / "secrets", tmp_path / "secrets")

    subprocess.run([tmp_path / "secrets"], check=True, capture_output=True)
    first = {p.name: p.read_text() for p in (tmp_path / "secrets.d").iterdir()}
    subprocess.run([tmp_path / "secrets"], check=True, capture_output=True)
    second = {p.name: p.read_text() for p in (tmp_path / "secrets.d").iterdir()}

    assert first == second
    assert first["rabbitmq_password"] in first["broker_url"]
    assert (tmp_path / "secrets.d").stat().st_mode & 0o777 == 0o700
