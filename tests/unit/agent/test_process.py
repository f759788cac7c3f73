"""The agent as a process: its command line, its settings, its start with the broker away, its end."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.version import VERSION
from pilothouse_common.broker.spool_reader import oldest_names, read_message
from pilothouse_common.contract.events import NodeReported, decode_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import decompress, parse_lines

from tests.support.process import Program, eventually, free_port
from tests.unit.agent.tree import FIXTURES

ROOT = Path(__file__).parents[3]
TREE = str(FIXTURES / "small" / "before")
PATH = {"PATH": "/usr/bin:/bin"}


def ask(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pilothouse_agent", *arguments],
        env={**PATH, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def spooled(directory: Path, folder: str) -> list[Message]:
    names = oldest_names(directory / folder, set())
    return [read_message(directory / folder / name) for name in names]


@pytest.fixture
def agent(tmp_path):
    """Start agents that publish into ``tmp_path/out`` unless told otherwise."""
    started = []

    def start(**environ: str) -> Program:
        env = {
            "PILOTHOUSE_BROKER_URL": f"spool:{tmp_path}/out",
            "PILOTHOUSE_SPOOL_DIR": f"{tmp_path}/spool",
            "PILOTHOUSE_CLUSTER": "alpha",
            "PILOTHOUSE_HOSTNAME": "n01",
            "PILOTHOUSE_INTERVAL_SECONDS": "0.2",
            **environ,
        }
        argv = [sys.executable, "-m", "pilothouse_agent"]
        started.append(Program(argv, log=tmp_path / "agent.log", env=env).start())
        return started[-1]

    yield start
    for program in started:
        program.stop()


def test_the_process_publishes_samples_and_reports_its_node(agent, tmp_path):
    process = agent()

    samples = eventually(lambda: spooled(tmp_path / "out", "samples")[2:], within=30)
    [event] = eventually(lambda: spooled(tmp_path / "out", "events"), within=30)
    code = process.stop()

    points = list(parse_lines(decompress(samples[0].body).decode()))
    names = {point.name for point in points}
    assert {"cpu_load", "mem_used", "fs_used", "agent_rss", "agent_publish_seconds"} <= names
    assert {(p.tags["cluster"], p.tags["hostname"]) for p in points} == {("alpha", "n01")}
    node = decode_event(event.body).data
    assert isinstance(node, NodeReported)
    assert node.memory_bytes
    assert {"cpu", "load", "memory"} <= set(node.collectors or ())
    assert code == 0, process.output()


def test_without_a_broker_everything_waits_in_the_spool(agent, tmp_path):
    agent(PILOTHOUSE_BROKER_URL=f"amqp://127.0.0.1:{free_port()}/")

    assert eventually(lambda: spooled(tmp_path / "spool", "events"), within=30)
    messages = eventually(lambda: spooled(tmp_path / "spool", "samples")[2:], within=30)
    points = parse_lines(decompress(messages[0].body).decode())
    assert {p.value for p in points if p.name == "agent_spooling"} == {1}


def test_what_hooks_spool_is_sent_at_once(agent, tmp_path):
    agent(PILOTHOUSE_HOOK_SPOOL_DIR=f"{tmp_path}/hooks")
    eventually(lambda: spooled(tmp_path / "out", "samples"), within=30)

    hook = agent(PILOTHOUSE_BROKER_URL=f"spool:{tmp_path}/hooks", PILOTHOUSE_HOSTNAME="hook")

    def sent():
        events = spooled(tmp_path / "out", "events")
        return {decode_event(e.body).source for e in events} == {"agent/n01", "agent/hook"}

    assert eventually(sent, within=30)
    hook.stop()


def test_once_prints_line_protocol_of_a_recorded_node():
    done = ask("--once", PILOTHOUSE_HOST_ROOT=TREE, PILOTHOUSE_COLLECTORS="memory,load,cpu")

    names = {point.name for point in parse_lines(done.stdout)}
    assert {"mem_total", "cpu_load", "interrupts"} <= names
    assert done.returncode == 0


def test_list_says_what_is_available_and_why_not(tmp_path):
    here = ask("--list")
    nowhere = ask("--list", PILOTHOUSE_HOST_ROOT=str(tmp_path))

    said = dict(line.split(None, 1) for line in here.stdout.splitlines())
    assert list(said) == [factory.name for factory in COLLECTORS]
    assert {said[name] for name in ("cpu", "load", "memory", "disk", "agent")} == {"available"}
    assert "proc/stat: No such file or directory" in nowhere.stdout
    assert "cpu          available" not in nowhere.stdout


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("COLLECTORS", "cpu,warp", "there is no 'warp'; known are agent, "),
        ("CPU_LEVELS", "node,thread", "CPU_LEVELS"),
        ("INTERVAL_SECONDS", "0", "INTERVAL_SECONDS"),
        ("DETAIL", "some", "DETAIL"),
        ("EXCLUDE_MOUNTS", "/(a", "is not a regular expression"),
        ("HOSTNAME", "a b", "HOSTNAME"),
        ("CLUSTER", "a.b", "CLUSTER"),
        ("BROKER_URL", "ftp://user:secret@x", "scheme 'ftp' is not known"),
        ("BROKER_URL", "memory:", "pilothouse-standalone"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(setting, value, said):
    environ = {"PILOTHOUSE_BROKER_URL": "spool:/nowhere", f"PILOTHOUSE_{setting}": value}

    done = ask(**environ)

    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_the_version_is_that_of_the_distribution():
    text = (ROOT / "services/agent/pyproject.toml").read_text()

    assert tomllib.loads(text)["project"]["version"] == VERSION


def test_the_agent_loads_neither_pydantic_nor_a_store():
    code = "import sys, pilothouse_agent.__main__, pilothouse_common.broker.rabbitmq; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"pydantic", "sqlalchemy", "duckdb", "prometheus_client", "psutil", "email"}
