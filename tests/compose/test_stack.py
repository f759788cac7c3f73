"""The compose stack, started for real as docs/deployment.md says: images, health, data, kill, confinement."""

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import Engine, command
from tests.support.process import eventually, free_port
from tests.support.stack import Client

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
OURS = ("agent", "api", "dispatcher", "ingest")
SERVICES = {*OURS, "rabbitmq", "postgres", "influxdb"}


class ComposeStack:
    """The project under a name of its own, from a copy without anybody's secrets."""

    def __init__(self, engine: Engine, compose: list[str], directory: Path) -> None:
        self.engine = engine
        self.project = f"pilothouse-test-{secrets.token_hex(3)}"
        self.port = free_port()
        for name in ("compose", "libs", "services", "web", "requirements.lock", ".dockerignore"):
            _copy(ROOT / name, directory / name)
        command([str(directory / "compose" / "secrets")], {})
        self._compose = [*compose, "-p", self.project, "-f", f"{directory}/compose/compose.yaml"]
        self._environment = {
            **engine.environment,
            "PILOTHOUSE_PUBLISH": f"127.0.0.1:{self.port}",
            "PILOTHOUSE_CLUSTER": "alpha",
            "PILOTHOUSE_HOSTNAME": "server",
        }

    def __call__(self, *argv: str) -> str:
        return command([*self._compose, *argv], self._environment)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what the engine says of each service's container."""
        ids = self("ps", "--all", "--quiet").split()
        found = json.loads(self.engine.run("inspect", *ids))
        return {c["Config"]["Labels"]["com.docker.compose.service"]: c for c in found}

    def client(self, *scopes: str) -> Client:
        """Return a caller with a token that was made as the document says."""
        words = ("pilothouse-api", "token", "create", "--subject", "admin", "--scope", *scopes)
        token = self("exec", "-T", "api", *words).strip().splitlines()[-1]
        return Client(f"http://127.0.0.1:{self.port}", token)

    def left(self) -> str:
        """Return what the engine still has of the project."""
        label = f"label=com.docker.compose.project={self.project}"
        kinds = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
        return "".join(self.engine.run(*kind, "--quiet", "--filter", label) for kind in kinds)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        generated = shutil.ignore_patterns("secrets.d", "node_modules", "static", "__pycache__")
        shutil.copytree(source, target, ignore=generated)
    else:
        shutil.copy(source, target)


@pytest.fixture(scope="module")
def stack(
    engine: Engine,
    compose_command: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[ComposeStack]:
    stack = ComposeStack(engine, compose_command, tmp_path_factory.mktemp("project"))
    up = False
    try:
        stack("build", "agent")  # first, so that the others find the page built
        stack("up", "-d", "--build", "--wait")
        up = True
        yield stack
    finally:
        if not up or request.session.testsfailed:
            print(stack("logs", "--no-color", "--tail", "30"))
        stack("down", "-v", "--rmi", "local")
    assert stack.left() == ""


@pytest.fixture(scope="module")
def client(stack: ComposeStack) -> Client:
    return stack.client("full")


def started(number: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    data = {"cluster": "alpha", "job_id": number, "user": "ada", "nodes": ["server"]}
    return {
        "specversion": "1.0",
        "id": f"start-{number}",
        "source": "/test",
        "type": "job.started",
        "time": now,
        "data": {**data, "start_time": now},
    }


def post(client: Client, events: list[dict[str, Any]]) -> None:
    body = json.dumps(events).encode()
    client.send("POST", "/v1/events", body, "application/cloudevents-batch+json")


def test_every_container_is_healthy(stack):
    states = {name: c["State"]["Health"]["Status"] for name, c in stack.containers().items()}

    assert states == dict.fromkeys(SERVICES, "healthy")


def test_every_container_is_confined(stack):
    for name, container in stack.containers().items():
        user = stack("exec", "-T", name, "id", "-u").strip()
        host = container["HostConfig"]

        assert user != "0", name
        assert (host["ReadonlyRootfs"], host["Privileged"], host["PidMode"]) == (True, False, "")
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]


def test_only_the_gateway_is_published_and_only_on_loopback(stack):
    published = {
        (name, port["HostIp"])
        for name, container in stack.containers().items()
        for ports in container["NetworkSettings"]["Ports"].values()
        for port in ports or []
    }

    assert published == {("api", "127.0.0.1")}


def test_images_hold_what_runs_and_no_tool_that_built_it(stack):
    for name in OURS:
        image = stack.containers()[name]["Image"]
        size = json.loads(stack.engine.run("image", "inspect", image))[0]["Size"]
        print(f"{name}: {size / 1e6:.0f} MB")
        # as root: the service's own user could not see what lies in root's home
        shell = ["run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c"]

        found = stack.engine.run(
            *shell,
            "cd /opt/pilothouse; ls -d bin/pip bin/uv lib/*/site-packages/pip /src ~root/.cache; true",
        )
        tools = stack.engine.run(*shell, "command -v uv gcc npm node; true")

        assert (found, tools) == ("", "")


def test_a_store_that_the_images_leave_out_is_a_setting_s_error(stack):
    url = ("-e", "PILOTHOUSE_SAMPLES_URL=duckdb:///tmp/x")

    with pytest.raises(AssertionError, match=r"error: .*install pilothouse-common\[duckdb\]"):
        stack("run", "--rm", "--no-deps", "-T", *url, "ingest")


def test_the_agent_s_node_appears_with_live_series_of_the_host(stack, client):
    node = eventually(lambda: client.get("/v1/nodes/server"), within=60)
    series = eventually(lambda: values_of(client, "cpu_user"), within=60)
    told = stack("exec", "-T", "agent", "pilothouse-agent", "--once")

    assert node["state"] == "up"
    assert all(0 <= value <= 100 for value in series)
    hosts = Path("/proc/net/dev").read_text()
    if not stack.engine.environment.get("DOCKER_HOST", "unix:").startswith("unix:"):
        return  # another machine's interfaces
    interfaces = set(re.findall(r"stype=network,stype-id=([\w.-]+)", told))
    assert interfaces
    assert interfaces == {n for n in re.findall(r"(\S+):", hosts) if not EXCLUDED.fullmatch(n)}


EXCLUDED = re.compile("lo|(veth|docker|br-|virbr|cali|flannel|cni|ifb|tunl|dummy).*")


def values_of(client: Client, metric: str) -> list[float]:
    items = client.get("/v1/nodes/server/series", metrics=metric)["items"]
    return [value for item in items for value in item["values"] if value is not None]


def test_an_event_posted_over_http_becomes_a_job(client):
    post(client, [started(1)])

    job = eventually(lambda: client.get("/v1/jobs/1"), within=20)

    assert (job["state"], job["user"]) == ("RUNNING", "ada")


def test_killing_ingest_loses_nothing(stack, client):
    numbers = range(1000, 1400)
    batches = [numbers[i : i + 20] for i in range(0, len(numbers), 20)]

    for i, batch in enumerate(batches):
        post(client, [started(number) for number in batch])
        if i == len(batches) // 2:
            stack("kill", "ingest")
    stack("up", "-d", "--wait", "ingest")

    eventually(lambda: set(numbers) <= {j["job_id"] for j in client.every("/v1/jobs")}, within=60)


def test_what_was_stored_outlives_the_containers(stack, client):
    post(client, [started(2)])
    eventually(lambda: client.get("/v1/jobs/2"), within=20)

    stack("down")
    stack("up", "-d", "--wait")

    assert client.get("/v1/jobs/2")["user"] == "ada"
    assert values_of(client, "cpu_user")
