"""Energy: counters that wrap, integrals over missing values, the best account of a node."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilothouse_agent.collectors.amd import AmdCollector
from pilothouse_agent.collectors.cray import CrayCollector, StandsStill
from pilothouse_agent.collectors.energy import EnergyCollector
from pilothouse_agent.collectors.rapl import RaplCollector
from pilothouse_agent.host import CollectorUnavailable
from pilothouse_agent.power import (
    LONGEST_GAP_SECONDS,
    MOST_WAITING,
    EnergyCounter,
    PowerBoard,
    PowerIntegral,
    Spent,
)

from tests.unit.agent.tree import USUAL, Tree, recorded, twice, values

RAPL = "sys/class/powercap/intel-rapl:"
SLURM = "sys/fs/cgroup/system.slice/slurmstepd.scope"
NOBODY = 65534
RANGE_JOULES = 65_536.0
INTERVALS = st.lists(st.tuples(st.floats(0.5, 60), st.floats(0, 1000)), min_size=1, max_size=50)


@given(start=st.floats(0, RANGE_JOULES, exclude_max=True), intervals=INTERVALS)
def test_a_counter_that_wraps_loses_nothing(start, intervals):
    counter = EnergyCounter(RANGE_JOULES, most_watts=1000.01)
    true = at = total = 0.0
    counter.add(start, at)
    for seconds, watts in intervals:
        at += seconds
        true += seconds * watts
        spent = counter.add((start + true) % RANGE_JOULES, at)
        assert spent is not None
        total += spent.joules

    assert total == pytest.approx(true, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        pytest.param(30_000, 100, 10, id="reset: no part draws that much"),
        pytest.param(100, 200, 70, id="it could have wrapped in between"),
        pytest.param(100, 200, 0, id="no time passed"),
    ],
)
def test_a_counter_tells_nothing_that_is_not_known(first, second, seconds):
    counter = EnergyCounter(RANGE_JOULES, most_watts=1000)
    counter.add(first, 50)

    assert counter.add(second, 50 + seconds) is None


@given(INTERVALS)
def test_an_integral_lies_between_the_lowest_and_the_highest_power(intervals):
    integral = PowerIntegral()
    integral.add(intervals[0][1], 0)
    at = total = 0.0
    for seconds, watts in intervals:
        at += seconds
        spent = integral.add(watts, at)
        assert spent is not None
        total += spent.joules

    powers = [watts for _, watts in intervals]
    assert min(powers) * at <= total * (1 + 1e-9) + 1e-9
    assert total <= max(powers) * at * (1 + 1e-9) + 1e-9


def test_an_integral_bridges_a_missing_reading_and_not_an_hour():
    integral = PowerIntegral()

    assert integral.add(100, 0) is None
    assert integral.add(200, 60) == Spent(9000, 60, 60)
    assert integral.add(200, 60) is None
    assert integral.add(200, 61 + LONGEST_GAP_SECONDS) is None
    assert integral.add(200, 71 + LONGEST_GAP_SECONDS) == Spent(2000, 10, 71 + LONGEST_GAP_SECONDS)


def test_a_board_that_nobody_reads_is_bounded():
    board = PowerBoard()
    for at in range(2 * MOST_WAITING):
        board.tell("rapl", Spent(1, 1, at))

    assert len(board.take("rapl")) == MOST_WAITING
    assert board.take("rapl") == []


@settings(deadline=None)
@given(
    cray=st.lists(st.booleans(), min_size=1, max_size=60),
    ipmi=st.lists(st.booleans(), min_size=1, max_size=60),
)
def test_whoever_falls_silent_no_second_is_lost_or_counted_twice(cray, ipmi, tmp_path_factory):
    """Three accounts of the same 400 W, of which two come and go, give 400 W times the time."""
    tree = Tree(tmp_path_factory.getbasetemp())
    collector = measured(tree)
    start = tree.clock.monotonic()
    told_at = dict.fromkeys(("cray", "ipmi", "rapl"), start)
    energy = 0.0
    steps = max(len(cray), len(ipmi))
    for step in range(steps + 1):
        tree.clock.advance(10)
        now = tree.clock.monotonic()
        speaks = {
            "cray": step == steps or cray[step % len(cray)],
            "ipmi": step % 6 == 5 and ipmi[step % len(ipmi)],
            "rapl": True,
        }
        for source in (name for name, speaking in speaks.items() if speaking):
            seconds = now - told_at[source]
            tree.host.power.tell(source, Spent(400 * seconds, seconds, now))
            told_at[source] = now
        got = values(collector.collect())
        assert got.get("node_energy", energy) >= energy
        energy = got.get("node_energy", energy)
        assert energy <= 400 * (now - start) * (1 + 1e-9)

    assert energy == pytest.approx(400 * (tree.clock.monotonic() - start))


def test_gpus_are_added_to_packages_and_memory(tmp_path):
    tree = Tree(tmp_path)
    collector = measured(tree)
    tree.clock.advance(10)
    now = tree.clock.monotonic()
    tree.host.power.tell("rapl", Spent(2000, 10, now))
    tree.host.power.tell("gpu", Spent(3000, 10, now))

    got = values(collector.collect())

    assert (got["node_power"], got["node_energy"]) == (500, 5000)
    assert got["node_energy_source[rapl]"] == 1


def test_what_the_cards_drew_is_told_while_all_of_them_answer(tmp_path):
    tree = recorded(tmp_path, "amd")
    collector = AmdCollector(tree.host, USUAL)
    got = twice(tree, collector, {})
    collector.close()

    [spent] = tree.host.power.take("gpu")

    watts = sum(value for key, value in got.items() if key.startswith("acc_power["))
    assert watts > 0
    assert spent.watts == pytest.approx(watts)
    assert spent.seconds == 10


def measured(tree: Tree) -> EnergyCollector:
    """Make the collector of a node that something measures."""
    tree.host.power.announce("rapl")
    return EnergyCollector(tree.host, USUAL)


def two_jobs(tree: Tree, first: int, second: int) -> None:
    for job, used in ((4101, first), (4102, second)):
        tree.write(f"{SLURM}/job_{job}/cpu.stat", f"usage_usec {used}\nuser_usec {used}\n")


def told(tree: Tree, collector: EnergyCollector, joules: float) -> dict[str, float]:
    """Return by job what is told ten seconds later, when the node had used so much."""
    tree.clock.advance(10)
    tree.host.power.tell("rapl", Spent(joules, 10, tree.clock.monotonic()))
    return {f"{s.name} {s.jobid}": s.value for s in collector.collect() if s.jobid}


def test_jobs_share_the_node_s_energy_by_their_cpu_time(tmp_path):
    tree = recorded(tmp_path, "cgroup")
    two_jobs(tree, 5_000_000, 1_000_000)
    collector = measured(tree)
    first = told(tree, collector, 2000)
    two_jobs(tree, 35_000_000, 11_000_000)

    got = told(tree, collector, 4000)
    idle = told(tree, collector, 1000)

    assert first == {}
    assert (got["job_energy 4101"], got["job_energy 4102"]) == (3000, 1000)
    assert (got["job_power 4101"], got["job_power 4102"]) == (300, 100)
    assert (idle["job_energy 4101"], idle["job_energy 4102"]) == (3500, 1500)


def test_a_job_that_ended_is_given_nothing(tmp_path):
    tree = recorded(tmp_path, "cgroup")
    two_jobs(tree, 5_000_000, 1_000_000)
    collector = measured(tree)
    told(tree, collector, 2000)
    tree.remove(f"{SLURM}/job_4102")

    got = told(tree, collector, 4000)

    assert got["job_energy 4101"] == 4000
    assert "job_energy 4102" not in got


def test_a_node_that_nobody_measures_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="none of cray, ipmi, rapl"):
        EnergyCollector(Tree(tmp_path).host, USUAL)


def test_before_the_first_account_no_power_is_told(tmp_path):
    assert measured(Tree(tmp_path)).collect() == []


def test_a_socket_that_was_reset_is_no_part_of_a_sum(tmp_path):
    tree = recorded(tmp_path, "rapl")

    got = twice(
        tree,
        RaplCollector(tree.host, USUAL),
        {
            f"{RAPL}0/energy_uj": "1000000000",
            f"{RAPL}0:0/energy_uj": "5100000000",
            f"{RAPL}1/energy_uj": "5",
        },
    )

    assert got["cpu_power[socket:0]"] == pytest.approx(200, rel=1e-6)
    assert "cpu_power" not in got
    assert "mem_power" in got
    assert tree.host.power.take("rapl") == []


def test_the_dies_of_a_package_are_added_and_the_platform_is_the_node_s(tmp_path):
    tree = Tree(tmp_path)
    for zone, name in (("0", "package-0-die-0"), ("1", "package-0-die-1"), ("2", "psys")):
        tree.write(f"{RAPL}{zone}/name", f"{name}\n")
        tree.write(f"{RAPL}{zone}/energy_uj", "0\n")
        tree.write(f"{RAPL}{zone}/max_energy_range_uj", "65532610987\n")
    later = {f"{RAPL}{zone}/energy_uj": "1000000000\n" for zone in "012"}

    got = twice(tree, RaplCollector(tree.host, USUAL), later)

    assert got["cpu_power[socket:0]"] == pytest.approx(200)
    assert got["psys_power"] == pytest.approx(100)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be an ordinary user for a while, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_counters_that_only_root_may_read_say_so():
    with tempfile.TemporaryDirectory(prefix="rapl-") as name:  # pytest's own are closed to others
        root = Path(name)
        root.chmod(0o755)
        tree = recorded(root, "rapl")
        (root / f"{RAPL}0/energy_uj").chmod(0)

        with as_nobody(), pytest.raises(CollectorUnavailable, match="CVE-2020-8694"):
            RaplCollector(tree.host, USUAL)


def test_a_controller_that_stands_still_is_broken(tmp_path):
    tree = recorded(tmp_path, "cray")
    collector = CrayCollector(tree.host, USUAL)
    collector.collect()

    with pytest.raises(StandsStill, match="freshness"):
        collector.collect()
