"""A container engine: the one that runs, else a private dockerd (root, Debian) that leaves nothing behind.

The private one makes its images from Debian's packages, for machines that can reach a Debian mirror and
package registries and no image registry.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.process import Program
from tests.support.provide import missing, program

PUBLIC = "python:3.11-slim-bookworm"
IMAGES = Path(__file__).parents[1] / "compose" / "images"
SERVERS = ("page", "rabbitmq", "postgres", "influxdb")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_PACKAGES = "ca-certificates,python3,python3-venv"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_REGISTRIES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "NPM_CONFIG_REGISTRY")
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_KEY = Path("/etc/docker/key.json")
# No more than this process may have itself: dockerd's own defaults need CAP_SYS_RESOURCE.
_CONFIG = '{"default-ulimits":{"nofile":{"Name":"nofile","Soft":20000,"Hard":20000}}}'


@dataclass
class Engine:
    """Where it is, and the images that stand for public ones.

    Attributes:
        environment: For docker and compose; names an image for each ``*_IMAGE`` when none can be pulled.
    """

    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *argv: str, stdin: int | None = None) -> str:
        """Run a docker command; return its output."""
        return command(["docker", *argv], self.environment, stdin=stdin)


def command(argv: list[str], environment: dict[str, str], *, stdin: int | None = None) -> str:
    """Run a command to its end; fail with what it said."""
    env = {**os.environ, "PATH": _PATH, **environment}
    done = subprocess.run(argv, env=env, stdin=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {(done.stdout + done.stderr)[-6000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine that has, or can pull, the images of the compose file."""
    if shutil.which("docker") and _succeeds("docker", "info"):
        with _provided(Engine()) as found:
            yield found
        return
    program("dockerd", packages=["docker.io", "iptables"], dirs=["/usr/sbin"])
    with _private_engine() as private, _provided(private) as found:
        yield found


def _succeeds(*argv: str, **environment: str) -> bool:
    env = {**os.environ, **environment}
    return subprocess.run(argv, env=env, capture_output=True, check=False).returncode == 0


@contextmanager
def _provided(engine: Engine) -> Iterator[Engine]:
    """Make the images where none can be pulled."""
    if not _succeeds("docker", "pull", "--quiet", PUBLIC, **engine.environment):
        make_images(engine)
    yield engine


def make_images(engine: Engine) -> None:
    """Make a Debian base and every server from it."""
    program("debootstrap", packages=["debootstrap"], dirs=["/usr/sbin"])
    with tempfile.TemporaryDirectory(prefix="pilothouse-base-", dir="/var/tmp") as directory:
        command(
            ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", directory],
            {},
        )
        shutil.copy(_CERTIFICATES, directory + _CERTIFICATES)  # with the site's own authorities
        for cache in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(Path(directory, cache))
        variables = {
            "DEBIAN_FRONTEND": "noninteractive",
            "SSL_CERT_FILE": _CERTIFICATES,
            "NODE_EXTRA_CA_CERTS": _CERTIFICATES,
            **{name: os.environ[name] for name in _REGISTRIES if name in os.environ},
        }
        text = " ".join(f"{name}={value}" for name, value in variables.items())
        with subprocess.Popen(["tar", "-C", directory, "-c", "."], stdout=subprocess.PIPE) as tar:
            assert tar.stdout is not None
            base = ["import", "-c", f"ENV {text}", "-", "pilothouse-test/base"]
            engine.run(*base, stdin=tar.stdout.fileno())
    engine.environment["BASE_IMAGE"] = "pilothouse-test/base"
    for name in SERVERS:
        image = f"pilothouse-test/{name}"
        engine.run("build", "--quiet", "--target", name, "--tag", image, str(IMAGES))
        engine.environment[f"{name.upper()}_IMAGE"] = image


@contextmanager
def _private_engine() -> Iterator[Engine]:
    """Run dockerd with everything below one directory and its mounts in a namespace of their own."""
    forward, rules, key = _FORWARD.read_text(), _rules(), _KEY.exists()
    directory = Path(tempfile.mkdtemp(prefix="pilothouse-engine-", dir="/var/tmp"))
    (directory / "config.json").write_text(_CONFIG)
    socket = f"unix://{directory}/socket"
    dockerd = Program(
        [
            *("unshare", "--mount", "--propagation", "shared", "dockerd", "--host", socket),
            *(f"--config-file={directory}/config.json", f"--pidfile={directory}/pid"),
            *(f"--data-root={directory}/data", f"--exec-root={directory}/run"),
        ],
        log=directory / "log",
        env={"PATH": _PATH},
    )
    # Debian's package has no buildx
    engine = Engine({"DOCKER_HOST": socket, "DOCKER_BUILDKIT": "0"})
    try:
        dockerd.start()
        try:
            dockerd.wait_ready(lambda: _succeeds("docker", "info", **engine.environment), within=60)
        except (AssertionError, SystemExit) as exc:
            missing(f"no container engine runs here, and a private one does not start: {exc}")
        yield engine
    finally:
        dockerd.stop(within=30)
        _undo(rules, forward)
        if not key:
            _KEY.unlink(missing_ok=True)
        shutil.rmtree(directory)


def _rules() -> dict[str, list[str]]:
    """Return the lines of iptables-save by table."""
    return {
        table: command(["iptables-save", "-t", table], {}).splitlines()
        for table in ("nat", "filter")
    }


def _undo(before: dict[str, list[str]], forward: str) -> None:
    """Remove the rules, chains and bridge of a dockerd that has ended."""
    for table, lines in _rules().items():
        new = [line for line in lines if line not in before[table]]
        chains = [line[1:].split()[0] for line in new if line.startswith(":DOCKER")]
        for rule in (line for line in new if re.match("-A .*(DOCKER|docker0| br-)", line)):
            command(["iptables", "-w", "-t", table, "-D", *rule.split()[1:]], {})
        for chain in chains:
            command(["iptables", "-w", "-t", table, "-X", chain], {})
    if not any(line.startswith(":FORWARD DROP") for line in before["filter"]):
        command(["iptables", "-w", "-P", "FORWARD", "ACCEPT"], {})
    if Path("/sys/class/net/docker0").exists():
        command(["ip", "link", "delete", "docker0"], {})
    _FORWARD.write_text(forward)
