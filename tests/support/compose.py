"""A compose command: the engine's plugin, a binary on PATH, or Debian's package, only unpacked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.provide import missing

_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_SUITE = "trixie"  # bookworm's package is the Python version 1, which reads another format


@pytest.fixture(scope="session")
def compose_command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the words that start compose; `config` needs no engine."""
    if shutil.which("docker") and _runs(["docker", "compose", "version"]):
        return ["docker", "compose"]
    path = shutil.which("docker-compose")
    if path and _runs([path, "config", "--help"]):
        return [path]
    if not (shutil.which("apt-get") and _SOURCES.exists()):
        missing("docker compose is not installed")
    return [_unpacked(tmp_path_factory.mktemp("compose"))]


def _runs(argv: list[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False, timeout=30).returncode == 0


def _unpacked(folder: Path) -> str:
    mirror = next(
        line.split()[1] for line in _SOURCES.read_text().splitlines() if line.startswith("URIs")
    )
    for part in ("state/lists/partial", "cache/archives/partial", "etc"):
        (folder / part).mkdir(parents=True)
    (folder / "state" / "status").touch()
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (folder / "etc" / "sources.list").write_text(f"deb [signed-by={keys}] {mirror} {_SUITE} main\n")
    options = [
        word
        for name, value in {
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "state" / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": folder / "etc" / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "APT::Sandbox::User": "root",
        }.items()
        for word in ("-o", f"{name}={value}")
    ]
    apt = ["apt-get", "-qq", *options]
    subprocess.run([*apt, "update"], check=True, capture_output=True, timeout=300)
    subprocess.run(
        [*apt, "download", "docker-compose"],
        check=True,
        capture_output=True,
        cwd=folder,
        timeout=300,
    )
    (package,) = folder.glob("docker-compose_*.deb")
    subprocess.run(["dpkg", "-x", str(package), str(folder / "root")], check=True)
    path = folder / "root" / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-compose"
    assert os.access(path, os.X_OK)
    return str(path)
