"""The processes of jobs: sums and the greatest, with known numbers."""

from pathlib import Path

import pytest
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.collectors.processes import ProcessesCollector
from pilothouse_agent.host import CollectorUnavailable
from pilothouse_agent.jobs.process import read_process

from tests.unit.agent.tree import USUAL, Tree, after_ten_seconds, job_tree, lay_out, recorded

MIB = 1 << 20
Values = dict[tuple[str, str], float]


def told(root: Path, options: Options = USUAL) -> Values:
    tree = recorded(root, "processes")
    samples = after_ten_seconds(tree, ProcessesCollector, options)
    assert {sample.jobid for sample in samples} == {"4101"}
    return {(sample.name, sample.stype_id): sample.value for sample in samples}


def test_the_sums_of_a_job_are_those_of_its_processes(tmp_path):
    got = told(tmp_path)

    assert got == {
        ("job_processes", ""): 2,
        ("job_threads", ""): 5,
        ("job_major_faults", ""): 6,
        ("job_context_switches", ""): 40,
        ("job_file_read_bw", ""): 5e6,
        ("job_file_write_bw", ""): 5e5,
        ("job_disk_read_bw", ""): 2.5e6,
        ("job_disk_write_bw", ""): 2.5e5,
    }


def test_the_greatest_processes_are_told_by_number_and_name(tmp_path):
    got = told(tmp_path, Options(job_processes=1))

    assert got["job_process_cpu", "2001 lmp_mpi"] == pytest.approx(92)
    assert got["job_process_rss", "2001 lmp_mpi"] == 1024 * MIB
    assert got["job_process_threads", "2001 lmp_mpi"] == 4
    assert got["job_process_read_bw", "2001 lmp_mpi"] == 5e6
    assert not any(process.startswith("2002") for _, process in got)


def test_a_name_with_brackets_is_read(tmp_path):
    process = read_process(recorded(tmp_path, "processes").host, 2002)

    assert process is not None
    assert (process.name, process.threads, process.user_seconds) == ("a) (b", 1, 5)


def test_a_process_that_began_since_counts_whole_and_a_reused_number_too(tmp_path):
    tree = recorded(tmp_path, "processes")
    tree.write("proc/uptime", "9000.00 1.0\n")
    collector = ProcessesCollector(tree.host, Options(job_processes=2))
    collector.collect()
    stat = tree.read("proc/2001/stat").replace(" 148661 ", " 900500 ")
    tree.write("proc/2001/stat", stat)
    tree.write("proc/uptime", "9010.00 1.0\n")
    tree.clock.advance(10)

    got = {(s.name, s.stype_id): s.value for s in collector.collect()}

    assert got["job_process_cpu", "2001 lmp_mpi"] == pytest.approx(1010)
    assert got["job_file_read_bw", ""] == 1e6


def test_io_that_may_not_be_read_is_left_out(tmp_path):
    tree = recorded(tmp_path, "processes")
    tree.remove("proc/2001/io")
    tree.remove("proc/2002/io")
    collector = ProcessesCollector(tree.host, Options(job_processes=1))
    collector.collect()
    tree.clock.advance(10)

    names = {sample.name for sample in collector.collect()}

    assert not {name for name in names if name.endswith("_bw")}
    assert {"job_threads", "job_context_switches", "job_process_cpu"} <= names


def test_a_process_that_ended_while_it_was_read_is_no_error(tmp_path):
    tree = recorded(tmp_path, "processes")
    tree.remove("proc/2001")

    got = {s.name: s.value for s in ProcessesCollector(tree.host, USUAL).collect()}

    assert (got["job_processes"], got["job_threads"]) == (2, 1)


def test_the_processes_of_a_recorded_slurm_22_05_are_told_without_slurmstepd(tmp_path):
    tree = job_tree(tmp_path, "v1-22.05")
    collector = ProcessesCollector(tree.host, Options(job_processes=1))
    collector.collect()
    lay_out(tree, "v1-22.05.after.tree")
    tree.clock.advance(10)

    samples = collector.collect()
    greatest = max((s for s in samples if s.name == "job_process_cpu"), key=lambda s: s.value)

    assert greatest.value == pytest.approx(45.3, abs=0.5)  # what its cgroup says, too
    assert greatest.stype_id.endswith(" sh")
    assert not any("slurmstepd" in s.stype_id for s in samples)


def test_cpu_time_that_slurm_accounts_in_no_cgroup_comes_from_the_processes(tmp_path):
    """As with jobacct_gather/linux."""
    tree = job_tree(tmp_path, "v1-22.05")
    tree.remove("sys/fs/cgroup/cpuacct/slurm")
    collector = ProcessesCollector(tree.host, USUAL)
    collector.collect()
    lay_out(tree, "v1-22.05.after.tree")
    tree.remove("sys/fs/cgroup/cpuacct/slurm")
    tree.clock.advance(10)

    got = {sample.name: sample.value for sample in collector.collect()}

    assert got["job_user_cpu"] == pytest.approx(45.3, abs=0.5)  # its cgroup said so
    assert got["job_cpu_used"] == pytest.approx(got["job_user_cpu"] + got["job_sys_cpu"])


def test_a_node_without_cgroups_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable):
        ProcessesCollector(Tree(tmp_path).host, USUAL)
