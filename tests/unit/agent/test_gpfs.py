"""GPFS by mmpmon: one kept process, a deadline, what it says when the daemon is away."""

import math
import os
import re
from pathlib import Path

import pytest
from pilothouse_agent.collectors.gpfs import PROGRAM, GpfsCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable

from tests.support.process import eventually
from tests.unit.agent.tree import FIXTURES, USUAL, Tree, twice, values

ANSWERS = f"{Path(PROGRAM).parent}/fs_io_s"
PATIENT = Options(deadline_seconds=20)
IMPATIENT = Options(deadline_seconds=1)
FAKE = (FIXTURES / "gpfs/before" / PROGRAM).read_text()
MOUNT = "70 20 0:71 / /g\\040p,ü rw - gpfs /dev/gpfs0 rw\n"


def row(name: str, read: int, status: int = 0) -> str:
    return (
        f"_fs_io_s_ _n_ 10.1.0.17 _nn_ n01 _rc_ {status} _t_ 1700000000 _tu_ 1 _cl_ c.example _fs_ {name}"
        f" _d_ 8 _br_ {read} _bw_ 0 _oc_ 0 _cc_ 0 _rdc_ 0 _wc_ 0 _dir_ 0 _iu_ 0\n"
    )


def node(tmp_path, program: str, answers: str = "") -> Tree:
    tree = Tree(tmp_path, {PROGRAM: program, ANSWERS: answers, "proc/self/mountinfo": MOUNT})
    (tree.root / PROGRAM).chmod(0o755)
    return tree


@pytest.fixture
def collectors():
    made: list[GpfsCollector] = []
    yield made
    for collector in made:
        collector.close()


def collector_of(
    tree: Tree, made: list[GpfsCollector], options: Options = PATIENT
) -> GpfsCollector:
    made.append(GpfsCollector(tree.host, options))
    return made[-1]


def test_a_file_system_is_told_by_its_mount_point(tmp_path, collectors):
    tree = node(tmp_path, FAKE, row("gpfs0", 0))

    got = twice(tree, collector_of(tree, collectors), {ANSWERS: row("gpfs0", 1000)})

    assert got["gpfs_read_bw[/g p,ü]"] == got["gpfs_read_bw"] == 100


def test_one_process_serves_every_interval(tmp_path, collectors):
    tree = node(tmp_path, FAKE.replace("\nwhile", '\necho $$ >> "$0.pids"\nwhile'), row("gpfs0", 0))
    collector = collector_of(tree, collectors)

    for _ in range(3):
        list(collector.collect())

    assert len(tree.read(f"{PROGRAM}.pids").split()) == 1


def test_without_a_mounted_file_system_nothing_is_told(tmp_path, collectors):
    tree = node(
        tmp_path, FAKE, "_fs_io_s_ _n_ 10.1.0.17 _nn_ n01 _rc_ 1 _t_ 1 _tu_ 1 _cl_ - _fs_ -\n"
    )

    assert twice(tree, collector_of(tree, collectors), {}) == {}


def test_a_file_system_that_was_mounted_anew_has_no_value_for_one_interval(tmp_path, collectors):
    tree = node(tmp_path, FAKE, row("gpfs0", 5000))

    got = twice(tree, collector_of(tree, collectors), {ANSWERS: row("gpfs0", 10)})

    assert math.isnan(got["gpfs_read_bw[/g p,ü]"])
    assert math.isnan(got["gpfs_read_bw"])


def test_what_the_program_says_when_it_ends_is_the_reason_and_it_is_started_again(
    tmp_path, collectors
):
    words = "Could not establish connection to file system daemon."
    tree = node(tmp_path, f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    collector = collector_of(tree, collectors)

    with pytest.raises(OSError, match=words):
        collector.collect()
    tree.write(PROGRAM, FAKE)
    tree.write(ANSWERS, row("gpfs0", 0))

    assert eventually(lambda: list(collector.collect()) == [], within=20)
    assert "gpfs_read_bw" in twice(tree, collector, {})


def test_a_program_that_hangs_is_killed_at_the_deadline(tmp_path, collectors):
    tree = node(tmp_path, '#!/bin/sh\necho $$ > "$0.pid"\nread -r x\nexec sleep 600\n')
    collector = collector_of(tree, collectors, IMPATIENT)

    with pytest.raises(TimeoutError, match="no answer in time"):
        collector.collect()
    pid = int(tree.read(f"{PROGRAM}.pid"))
    collector.close()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_answer_without_end_is_refused(tmp_path, collectors):
    tree = node(
        tmp_path, "#!/bin/sh\nwhile :; do echo 0123456789012345678901234567890123456789; done\n"
    )

    with pytest.raises(ValueError, match="more than"):
        collector_of(tree, collectors).collect()


def test_mount_points_can_be_excluded(tmp_path, collectors):
    tree = node(tmp_path, FAKE, row("gpfs0", 0))
    options = Options(exclude_mounts=re.compile("/g.*"), deadline_seconds=20)

    assert twice(tree, collector_of(tree, collectors, options), {}) == {}


def test_a_node_without_the_program_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no such program"):
        GpfsCollector(Tree(tmp_path, {"proc/self/mountinfo": ""}).host, USUAL)


def test_a_closed_collector_leaves_no_process(tmp_path):
    tree = node(tmp_path, FAKE.replace("\nwhile", '\necho $$ > "$0.pid"\nwhile'), row("gpfs0", 0))
    collector = GpfsCollector(tree.host, PATIENT)
    assert values(collector.collect()) == {}

    collector.close()

    with pytest.raises(ProcessLookupError):
        os.kill(int(tree.read(f"{PROGRAM}.pid")), 0)
