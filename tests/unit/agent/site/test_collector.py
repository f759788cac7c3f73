"""A site's own commands in the sweep: told when they come, down when they fail, and never waited for."""

import logging
import time
from pathlib import Path

import pytest
from pilothouse_agent.choice import chosen_collectors
from pilothouse_agent.settings import AgentSettings
from pilothouse_agent.sweep import Sweep, make_collectors
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.settings import load

from tests.support.process import eventually
from tests.unit.agent.site.scripts import script
from tests.unit.agent.tree import Tree, values

LONG = 30.0


@pytest.fixture
def sweep_of(tmp_path):
    made: list[Sweep] = []
    tree = Tree(tmp_path / "node", {"proc/loadavg": "0 0 0 1/2 3\n"})

    def make(**settings) -> Sweep:
        given = AgentSettings(broker_url="memory:", collectors=("load",), **settings)
        factories, every = chosen_collectors(given)
        collectors = make_collectors(factories, tree.host, given.options())
        made.append(Sweep(collectors, deadline_seconds=LONG, every=every))
        return made[-1]

    yield make
    for sweep in made:
        sweep.close()


def until_told(sweep: Sweep, name: str) -> dict[str, float]:
    def told() -> dict[str, float]:
        got = values(sweep.collect())
        return got if name in got else {}

    return eventually(told, within=LONG)


def test_a_quick_command_is_told_in_the_same_sweep(tmp_path, sweep_of):
    path = script(tmp_path, "quick", "echo raid_ok 1")

    got = until_told(sweep_of(exec_collectors={"raid": str(path)}), "raid_ok")

    assert got["agent_collector_up[exec:raid]"] == 1
    assert got["agent_site_seconds[exec:raid]"] > 0
    assert "cpu_load" in got


def test_a_slow_command_holds_up_nothing_and_is_told_when_it_comes(tmp_path, sweep_of):
    path = script(
        tmp_path, "slow", f"while ! test -e {tmp_path}/go; do sleep 0.05; done; echo slow 1"
    )
    sweep = sweep_of(exec_collectors={"slow": str(path)}, exec_deadline_seconds=600)
    start = time.monotonic()

    first = values(sweep.collect())
    second = values(sweep.collect())
    (tmp_path / "go").touch()

    assert time.monotonic() - start < LONG / 2
    assert "slow" not in {**first, **second}
    assert second["cpu_load"] == 0
    assert until_told(sweep, "slow")["slow"] == 1


def test_a_failing_command_is_down_until_it_works_and_logged_once(tmp_path, sweep_of, caplog):
    caplog.set_level(logging.INFO)
    path = script(
        tmp_path,
        "disk",
        f"test -e {tmp_path}/inserted && echo disk_ok 1 || {{ echo gone >&2; exit 4; }}",
    )
    sweep = sweep_of(exec_collectors={"disk": str(path)})

    def up() -> float:
        return values(sweep.collect())["agent_collector_up[exec:disk]"]

    eventually(lambda: up() == 0, within=LONG)
    still = [up(), up()]
    (tmp_path / "inserted").touch()
    eventually(lambda: up() == 1, within=LONG)

    assert still == [0, 0]
    told = [(r.message, getattr(r, "reason", "")) for r in caplog.records]
    assert told[0] == ("collector fails", "exit status 4: gone")
    assert told[-1][0] == "collector works again"
    assert len(told) == 2


def test_a_command_has_its_own_interval(tmp_path, sweep_of):
    path = script(tmp_path, "count", f"echo >> {tmp_path}/runs; echo ran 1")
    sweep = sweep_of(exec_collectors={"count": str(path)}, collector_intervals={"exec:count": 60.0})

    told = [until_told(sweep, "ran"), *(values(sweep.collect()) for _ in range(4))]

    assert ["ran" in got for got in told] == [True, False, False, False, False]
    assert all(got["agent_collector_up[exec:count]"] == 1 for got in told)
    assert (tmp_path / "runs").read_text() == "\n"


def test_a_command_that_runs_when_the_agent_ends_is_ended(tmp_path, sweep_of):
    path = script(tmp_path, "long", f"echo $$ > {tmp_path}/pid; exec sleep 600")
    sweep = sweep_of(exec_collectors={"long": str(path)}, exec_deadline_seconds=600)
    sweep.collect()
    pid = int(
        eventually(
            lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), within=LONG
        )
    )

    sweep.close()

    assert eventually(lambda: not Path(f"/proc/{pid}").exists(), within=LONG)


def test_good_files_are_told_beside_a_bad_one(tmp_path, sweep_of):
    (tmp_path / "node/metrics").mkdir(parents=True)
    (tmp_path / "node/metrics/a.prom").write_text("a 1\n")
    (tmp_path / "node/metrics/b.prom").write_text("?\n")

    got = until_told(sweep_of(file_collectors={"left": "/metrics"}, file_max_age_seconds=1e12), "a")

    assert (got["a"], got["agent_collector_up[file:left]"]) == (1, 0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"exec_collectors": {"a b": "/bin/true"}}, "EXEC_COLLECTORS: 'a b' is no name"),
        (
            {"exec_collectors": {"a": "true"}},
            "EXEC_COLLECTORS: a: must begin with the absolute path",
        ),
        ({"exec_collectors": {"a": ""}}, "EXEC_COLLECTORS: a: must begin"),
        ({"exec_collectors": {"a": "/bin/echo 'x"}}, "EXEC_COLLECTORS: a: No closing quotation"),
        ({"file_collectors": {"a": "x.prom"}}, "FILE_COLLECTORS: a: not an absolute path"),
        ({"collector_plugins": ("cpu",)}, "there is a collector 'cpu' already"),
        ({"collector_intervals": {"exec:b": 1}}, "there is no 'exec:b'"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(wrong, said):
    with pytest.raises(ConfigError, match=said):
        chosen_collectors(AgentSettings(broker_url="memory:", **wrong))


def test_commands_are_a_table_in_the_file_of_settings(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(
        '[agent]\nbroker_url = "memory:"\n[agent.exec_collectors]\na = "/opt/a --list x,y"\n'
    )

    settings = load(AgentSettings, service="agent", environ={"PILOTHOUSE_CONFIG": str(file)})

    assert settings.exec_collectors == {"a": "/opt/a --list x,y"}
