"""The wrapper around collectors: each is timed and caught, and none stops the others."""

import logging
import threading

import pytest
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.host import CollectorUnavailable
from pilothouse_agent.sweep import Sweep, choose, how_often, make_collectors
from pilothouse_common.contract.samples import Sample
from pilothouse_common.errors import ConfigError

from tests.support.process import eventually
from tests.unit.agent.tree import Tree, values


class Steady:
    def __init__(self, name: str = "steady") -> None:
        self.name = name
        self.closed = False

    def collect(self) -> list[Sample]:
        return [Sample(f"{self.name}_value", 1.0)]

    def close(self) -> None:
        self.closed = True


class Failing(Steady):
    def __init__(self, *problems: str) -> None:
        super().__init__("failing")
        self.problems = list(problems)

    def collect(self) -> list[Sample]:
        problem = self.problems.pop(0)
        if problem:
            raise ValueError(problem)
        return super().collect()


class Hanging(Steady):
    """Hangs while ``gate`` is closed."""

    def __init__(self) -> None:
        super().__init__("hanging")
        self.gate = threading.Event()

    def collect(self) -> list[Sample]:
        self.gate.wait(60)
        return super().collect()


@pytest.fixture
def sweep_of():
    made = []

    def make(*collectors, deadline_seconds=30.0):
        made.append(Sweep(collectors, deadline_seconds=deadline_seconds))
        return made[-1]

    yield make
    for sweep in made:
        sweep.close()


def test_every_collector_is_measured(sweep_of):
    got = values(sweep_of(Steady()).collect())

    assert got["steady_value"] == 1
    assert got["agent_collector_up[steady]"] == 1
    assert 0 <= got["agent_collector_seconds[steady]"] < 1


def test_a_failing_collector_is_told_and_the_others_go_on(sweep_of):
    got = values(sweep_of(Failing("odd line"), Steady()).collect())

    assert got["agent_collector_up[failing]"] == 0
    assert got["steady_value"] == 1


def test_each_change_is_logged_once(sweep_of, caplog):
    caplog.set_level(logging.INFO)
    sweep = sweep_of(Failing("odd line", "odd line", "", ""))

    for _ in range(4):
        sweep.collect()

    assert [r.message for r in caplog.records] == ["collector fails", "collector works again"]


def test_a_hanging_collector_is_reported_and_the_others_go_on(sweep_of):
    hanging = Hanging()
    sweep = sweep_of(Steady("first"), hanging, Steady("last"), deadline_seconds=0.05)

    hung = values(sweep.collect())
    still = values(sweep.collect())
    hanging.gate.set()

    def back():
        return values(sweep.collect()).get("hanging_value") == 1

    for got in (hung, still):
        assert (got["first_value"], got["last_value"]) == (1, 1)
        assert got["agent_collector_up[hanging]"] == 0
    assert eventually(back, within=10)


def test_two_collectors_may_hang_at_once(sweep_of):
    one, two = Hanging(), Hanging()

    got = values(sweep_of(one, two, Steady(), deadline_seconds=0.05).collect())
    one.gate.set()
    two.gate.set()

    assert got["steady_value"] == 1


def test_closing_closes_every_collector():
    collectors = [Steady("a"), Steady("b")]

    Sweep(collectors, deadline_seconds=1).close()

    assert all(c.closed for c in collectors)


def test_an_unknown_collector_is_an_error_that_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"no 'gpus'; known are agent, .*load, .*memory"):
        choose(COLLECTORS, ["load", "gpus"])


def test_named_collectors_come_in_the_order_of_the_table():
    chosen = choose(COLLECTORS, ["memory", "cpu"])

    assert [factory.name for factory in chosen] == ["cpu", "memory"]


def test_collectors_that_cannot_be_here_are_left_out_and_logged(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    tree = Tree(tmp_path, {"proc/loadavg": "0 0 0 1/2 3\n"})

    made = make_collectors(choose(COLLECTORS, ["cpu", "load", "memory"]), tree.host, Options())

    assert [collector.name for collector in made] == ["load"]
    assert "proc/stat" in next(r.reason for r in caplog.records if r.collector == "cpu")


def test_a_probe_that_breaks_leaves_only_that_collector_out(tmp_path):
    class Broken(Steady):
        name = "broken"

        def __init__(self, host, options):
            raise ZeroDivisionError

    class Absent(Steady):
        name = "absent"

        def __init__(self, host, options):
            raise CollectorUnavailable("no such card")

    assert make_collectors([Broken, Absent], Tree(tmp_path).host, Options()) == []


def test_a_costly_collector_is_asked_in_the_first_two_sweeps_and_then_in_every_nth():
    sweep = Sweep([Steady("often"), Steady("seldom")], deadline_seconds=30, every={"seldom": 3})

    told = ["seldom_value" in values(sweep.collect()) for _ in range(8)]

    assert told == [True, True, False, True, False, False, True, False]
    sweep.close()


def test_intervals_become_whole_numbers_of_sweeps_and_a_wish_wins():
    every = how_often(COLLECTORS, {"disk": 60.0, "load": 30.0}, {"load": 1.0, "cpu": 26.0}, 10.0)

    assert every == {"disk": 6, "load": 1, "cpu": 3}


def test_an_interval_of_an_unknown_collector_is_a_config_error():
    with pytest.raises(ConfigError, match="there is no 'disc'"):
        how_often(COLLECTORS, {}, {"disc": 1.0}, 10.0)
