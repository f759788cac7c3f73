"""The standalone process: its data directory, its parts that live and end together, Slurm's hooks."""

import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.service import Check
from pilothouse_standalone.agent import agent_settings
from pilothouse_standalone.datadir import DataDir
from pilothouse_standalone.slurm import LocalSlurm, hook_into, unhook
from pilothouse_standalone.together import Together

from tests.support.process import eventually


class Part:
    def __init__(self, name: str, log: list[str], *, fails: bool = False) -> None:
        self.name = name
        self._log = log
        self._fails = fails

    def run(self, stop: threading.Event) -> None:
        if self._fails:
            raise OSError("disk is gone")
        stop.wait()
        self._log.append(f"{self.name} stopped")

    def checks(self) -> Mapping[str, Check]:
        return {"part": lambda: None}

    def close(self) -> None:
        self._log.append(f"{self.name} closed")


def test_parts_stop_in_order_and_close_before_what_they_share():
    log: list[str] = []
    whole = Together(
        "all", [Part("agent", log), Part("ingest", log)], close=lambda: log.append("shared closed")
    )
    stop = threading.Event()
    thread = threading.Thread(target=whole.run, args=(stop,))
    thread.start()

    stop.set()
    thread.join(10)
    whole.close()

    words = "agent stopped, agent closed, ingest stopped, ingest closed, shared closed"
    assert log == words.split(", ")
    assert set(whole.checks()) == {"agent.part", "ingest.part"}


def test_one_failing_part_stops_all_and_is_the_reason():
    log: list[str] = []
    whole = Together(
        "all", [Part("agent", log), Part("ingest", log, fails=True)], close=lambda: None
    )

    with pytest.raises(OSError, match="disk is gone"):
        whole.run(threading.Event())

    assert log == ["agent stopped", "agent closed", "ingest closed"]


def test_a_data_directory_belongs_to_one_process(tmp_path):
    first = DataDir(tmp_path / "data")

    with pytest.raises(ConfigError, match="another pilothouse-standalone"):
        DataDir(tmp_path / "data")
    first.close()

    DataDir(tmp_path / "data").close()


def test_secrets_are_for_their_owner_only_and_keys_stay(tmp_path):
    data = DataDir(tmp_path / "data")

    key = data.token_key()
    path = data.write_secret("admin.token", "abc")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((data.path / "token.key").stat().st_mode) == 0o600
    assert data.token_key() == key
    assert len(key) == 64
    data.close()


def test_a_data_directory_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="--data"):
        DataDir(tmp_path / "file" / "data")


@pytest.fixture
def scontrol(tmp_path, monkeypatch) -> Path:
    calls = tmp_path / "calls"
    program = tmp_path / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return Path(calls)


LINES = "".join(
    f"{name}=/opt/hooks/{name}\n"
    for name in ("PrologSlurmctld", "EpilogSlurmctld", "Prolog", "Epilog")
)


def test_hooks_are_one_block_that_is_replaced_and_removed_as_one(tmp_path, scontrol):
    conf = tmp_path / "slurm.conf"
    conf.write_text("ClusterName=lab\n#Prolog=/old\n")
    conf.chmod(0o640)
    slurm = LocalSlurm(conf, "lab", "root")

    changed = [hook_into(slurm, "Prolog=/old\n"), hook_into(slurm, LINES), hook_into(slurm, LINES)]
    hooked = conf.read_text()
    removed = unhook(slurm)

    assert hooked.count("\nProlog=/opt/hooks/Prolog\n") == 1
    assert changed == [True, True, False]
    assert removed
    assert conf.read_text() == "ClusterName=lab\n#Prolog=/old\n"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o640
    assert not unhook(slurm)
    eventually(lambda: scontrol.read_text().count("reconfigure") == 3, within=5)


def test_hooks_of_the_site_are_never_replaced(tmp_path, scontrol):
    conf = tmp_path / "slurm.conf"
    conf.write_text("ClusterName=lab\nprolog = /site/prolog\n")

    with pytest.raises(ConfigError, match="already sets Prolog"):
        hook_into(LocalSlurm(conf, "lab", "root"), LINES)

    assert conf.read_text() == "ClusterName=lab\nprolog = /site/prolog\n"
    assert not scontrol.exists()


def test_the_agent_collects_what_the_environment_says_and_sends_where_the_process_says():
    environ = {
        "PILOTHOUSE_COLLECTORS": "cpu,load",
        "PILOTHOUSE_BROKER_URL": "amqp://elsewhere/",
        "PILOTHOUSE_HEALTH_PORT": "9000",
    }

    settings = agent_settings(environ, broker_url="memory:", interval_seconds=2.5)

    assert settings.collectors == ("cpu", "load")
    assert (settings.broker_url, settings.interval_seconds) == ("memory:", 2.5)
    assert settings.health_port == -1
