"""A real RabbitMQ for tests: a private node that can be stopped, killed and started again.

``PILOTHOUSE_TEST_RABBITMQ_URL`` names a server to use instead; tests that must kill it are then skipped.
Debian's wrappers in /usr/sbin change the user and the directory, so the programs behind them are used.
"""

import base64
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.support.process import Program, find_program, free_port, listening
from tests.support.provide import missing, program

_BIN = "/usr/lib/rabbitmq/bin"
_CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{port}
listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.cacertfile = {directory}/cert.pem
ssl_options.certfile = {directory}/cert.pem
ssl_options.keyfile = {directory}/key.pem
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
loopback_users = none
log.console = false
vm_memory_high_watermark.absolute = 2GiB
disk_free_limit.absolute = 50MB
management_agent.disable_metrics_collector = true
{more}
"""


class RabbitServer:
    """One node. ``url`` is its default virtual host; ``new_vhost`` gives an empty one."""

    def __init__(self, directory: Path, *, more_config: str = "") -> None:
        self.port = free_port()
        self.tls_port = free_port()
        self._management_port = free_port()
        self._epmd_port = free_port()
        self._directory = directory
        self._user = _unprivileged_user()
        self._env = self._environment()
        for name in ("mnesia", "log", "home"):
            (directory / name).mkdir(parents=True)
        (directory / "rabbitmq.conf").write_text(
            _CONFIG.format(
                port=self.port,
                tls_port=self.tls_port,
                directory=directory,
                management_port=self._management_port,
                more=more_config,
            )
        )
        _make_certificate(directory)
        (directory / "enabled_plugins").write_text("[rabbitmq_management].\n")
        if self._user:
            _give(directory, self._user)
        self._epmd = self._program("epmd", "epmd", "-port", str(self._epmd_port))
        self._node = self._program("node", f"{_BIN}/rabbitmq-server")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def certificate(self) -> Path:
        """Signs itself; for localhost and 127.0.0.1."""
        return self._directory / "cert.pem"

    @property
    def running(self) -> bool:
        return self._node.running

    def start(self) -> "RabbitServer":
        if not self._epmd.running:
            self._epmd.start()
        self._node.start().wait_ready(self._ready, within=90)
        return self

    def stop(self) -> None:
        """Stop in order: queues are closed, connections end with 320."""
        self._node.stop(within=30)

    def kill(self) -> None:
        """SIGKILL."""
        self._node.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self._node.stop(within=30)
        self._epmd.stop()

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl."""
        done = subprocess.run(
            [f"{_BIN}/rabbitmqctl", *arguments],
            env={**os.environ, **self._env},
            user=self._user,
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def new_vhost(self) -> str:
        """Make an empty virtual host and return its URL; a node that a failed test left dead is started."""
        if not self.running:
            self.start()
        name = f"test-{uuid4().hex[:12]}"
        self.manage("PUT", f"/api/vhosts/{name}")
        self.manage(
            "PUT",
            f"/api/permissions/{name}/guest",
            {"configure": ".*", "write": ".*", "read": ".*"},
        )
        return f"{self.url}{name}"

    def manage(self, method: str, path: str, body: object = None) -> object:
        """Call the management API; path segments are given as they stand in a URL."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._management_port}{path}",
            method=method,
            data=None if body is None and method == "GET" else json.dumps(body or {}).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(),
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
        except urllib.error.HTTPError as exc:
            with exc:
                raise AssertionError(f"{method} {path}: {exc.code} {exc.read()!r}") from exc
        return json.loads(text) if text else None

    def close_connections(self, url: str) -> None:
        """Have the broker close every connection to a virtual host."""
        vhost = urlsplit(url).path[1:]
        self.control("close_all_connections", "--vhost", vhost, "the test wants it")

    def _ready(self) -> bool:
        if not (listening(self.port) and listening(self._management_port)):
            return False
        self.manage("GET", "/api/overview")
        return True

    def _program(self, name: str, *argv: str) -> Program:
        return Program(
            argv,
            log=self._directory / f"{name}.out",
            env=self._env,
            cwd=self._directory,
            user=self._user,
        )

    def _environment(self) -> dict[str, str]:
        base = self._directory
        return {
            "HOME": str(base / "home"),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(base / "mnesia"),
            "RABBITMQ_LOG_BASE": str(base / "log"),
            "RABBITMQ_PID_FILE": str(base / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(base / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(base / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # no busy waiting: the tests share the machine's cores with the node
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} "
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            "PATH": f"{_BIN}:{os.environ.get('PATH', '')}",
        }


class ExternalRabbit:
    """A server given by its URL: it can be used, but not stopped."""

    def __init__(self, url: str) -> None:
        self.url = url

    def new_vhost(self) -> str:
        return self.url


def _make_certificate(directory: Path) -> None:
    openssl = program("openssl", packages=["openssl"])
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )


def _unprivileged_user() -> str | None:
    """Return who runs the node: RabbitMQ's scripts should not run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("rabbitmq", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    subprocess.run(["useradd", "--system", "--no-create-home", "rabbitmq"], check=True)
    return "rabbitmq"


def _give(directory: Path, user: str) -> None:
    uid = pwd.getpwnam(user).pw_uid
    for path in (directory, *directory.rglob("*")):
        os.chown(path, uid, -1)


@contextmanager
def rabbit_server(*, more_config: str = "") -> Iterator[RabbitServer]:
    """A private node, gone at the end."""
    if find_program("rabbitmq-server", _BIN) is None:
        program("rabbitmq-server", packages=["rabbitmq-server"], dirs=[_BIN])
    directory = Path(tempfile.mkdtemp(prefix="pilothouse-rabbitmq-", dir="/var/tmp"))
    directory.chmod(0o755)
    server = RabbitServer(directory, more_config=more_config)
    try:
        yield server.start()
    finally:
        server.close()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitServer]:
    """The node of this test session, under our control (stop, kill, restart)."""
    if os.environ.get("PILOTHOUSE_TEST_RABBITMQ_URL"):
        missing("this test must be able to kill RabbitMQ; unset PILOTHOUSE_TEST_RABBITMQ_URL")
    with rabbit_server() as server:
        yield server


@pytest.fixture(scope="session")
def any_rabbitmq(request: pytest.FixtureRequest) -> RabbitServer | ExternalRabbit:
    """A RabbitMQ to use, not to kill."""
    url = os.environ.get("PILOTHOUSE_TEST_RABBITMQ_URL")
    if url:
        return ExternalRabbit(url)
    server: RabbitServer = request.getfixturevalue("rabbitmq")
    return server


@pytest.fixture
def rabbitmq_url(any_rabbitmq: RabbitServer | ExternalRabbit) -> str:
    """The URL of an empty virtual host. It goes with its node: deleting one takes up to 5 s."""
    return any_rabbitmq.new_vhost()
