"""What the cgroups of jobs say, for each combination of Slurm and kernel, with known numbers."""

import os
from typing import Any

import pytest
from pilothouse_agent.collectors.cgroup import MAX_KEPT_FILES, CgroupCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable
from pilothouse_common.contract.samples import Sample

from tests.unit.agent.tree import GIBIBYTE, USUAL, Tree, job_tree, lay_out

V2_LAYOUTS = ("v2-23.11", "v2-two-slurmd", "v2-site-slice", "v2-26.05", "v2-26.05-note")
LAYOUTS = (*V2_LAYOUTS, "v2-5.14-old-kernel", "v1-22.05", "v1-two-slurmd", "hybrid-22.05")
MOUNT = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
SCOPE = "sys/fs/cgroup/system.slice/slurmstepd.scope"

Values = dict[str, float]


def of_jobs(samples: list[Sample]) -> dict[str, Values]:
    """Return the values of each job; those of parts as ``name[stype:stype_id]``."""
    found: dict[str, Values] = {}
    for s in samples:
        name = f"{s.name}[{s.stype}:{s.stype_id}]" if s.stype else s.name
        found.setdefault(s.jobid, {})[name] = s.value
    return found


def ten_seconds(tree: Tree, layout: str, **options: Any) -> dict[str, Values]:
    collector = CgroupCollector(tree.host, Options(**options))
    collector.collect()
    lay_out(tree, f"{layout}.after.tree")
    tree.clock.advance(10)
    try:
        return of_jobs(collector.collect())
    finally:
        collector.close()


@pytest.mark.parametrize("layout", V2_LAYOUTS)
def test_a_job_of_cgroup_v2_is_told_in_every_layout(tmp_path, layout):
    got = ten_seconds(job_tree(tmp_path, layout), layout)["4101"]

    assert got["job_user_cpu"] == pytest.approx(600)  # six hardware threads for ten seconds
    assert got["job_sys_cpu"] == pytest.approx(20)
    assert got["job_hwthreads"] == 8
    assert got["job_cpu_used"] == pytest.approx(620 / 8)
    assert got["job_cpu_throttled"] == pytest.approx(5)
    assert got["job_mem_used"] == 5.5 * GIBIBYTE
    assert got["job_mem_cache"] == 5.5 * GIBIBYTE
    assert got["job_max_mem_used"] == 11 * GIBIBYTE
    assert got["job_mem_limit"] == 16 * GIBIBYTE
    assert got["job_swap_used"] == 4096
    assert (got["job_oom_kills"], got["job_mem_failures"]) == (1, 5)
    assert got["job_pressure_cpu_some"] == pytest.approx(10)
    assert got["job_pressure_memory_some"] == pytest.approx(3)
    assert got["job_pressure_memory_full"] == pytest.approx(1)


def test_block_io_and_tasks_are_told_where_slurm_enables_their_controllers(tmp_path):
    got = ten_seconds(job_tree(tmp_path, "v2-site-slice"), "v2-site-slice")["4101"]

    assert got["job_io_read_bw"] == pytest.approx(5e6)
    assert got["job_io_write_bw"] == pytest.approx(1e7)
    assert (got["job_io_read_ops"], got["job_io_write_ops"]) == (100, 50)
    assert got["job_pressure_io_some"] == pytest.approx(20)
    assert got["job_pressure_io_full"] == pytest.approx(10)
    assert got["job_tasks"] == 21


def test_jobs_on_a_shared_node_are_told_apart(tmp_path):
    got = ten_seconds(job_tree(tmp_path, "v2-23.11"), "v2-23.11")

    assert got[""] == {"jobs_running": 2, "jobs_unknown": 0}
    assert got["4102"]["job_user_cpu"] == pytest.approx(2 * got["4101"]["job_user_cpu"])


def test_without_a_limit_and_without_confinement_neither_is_told(tmp_path):
    got = ten_seconds(job_tree(tmp_path, "v2-23.11"), "v2-23.11")["4102"]

    assert not {"job_mem_limit", "job_hwthreads", "job_cpu_used"} & got.keys()


def test_an_old_kernel_tells_what_it_has(tmp_path):
    got = ten_seconds(job_tree(tmp_path, "v2-5.14-old-kernel"), "v2-5.14-old-kernel")["4101"]

    assert got["job_user_cpu"] == pytest.approx(600)
    assert not {"job_max_mem_used", "job_pressure_cpu_some", "job_io_read_bw"} & got.keys()


def test_a_recorded_job_of_cgroup_v1_is_told(tmp_path):
    """Slurm 22.05: one busy process and one with 50 MiB that wrote 50 MiB to a file."""
    got = ten_seconds(job_tree(tmp_path, "v1-22.05"), "v1-22.05")["2"]

    assert got["job_user_cpu"] == pytest.approx((712 - 259) / 10)  # the machine was busy otherwise
    assert got["job_sys_cpu"] == pytest.approx((17 - 14) / 10)
    assert got["job_hwthreads"] == 1
    assert got["job_cpu_used"] == pytest.approx(45.6)
    assert got["job_mem_used"] == 60_145_664
    assert got["job_mem_cache"] == 60_264_448
    assert got["job_max_mem_used"] == 123_719_680
    assert got["job_mem_limit"] == 200 << 20
    assert (got["job_oom_kills"], got["job_mem_failures"]) == (0, 0)


def test_two_recorded_slurmd_on_one_host_are_both_told(tmp_path):
    got = ten_seconds(job_tree(tmp_path, "v1-two-slurmd"), "v1-two-slurmd")

    assert got["1"]["job_mem_limit"] == 200 << 20
    assert got["2"]["job_mem_limit"] == 150 << 20
    assert got["2"]["job_mem_used"] > 50 << 20
    assert got["1"]["job_user_cpu"] > 10 > got["2"]["job_user_cpu"]


def test_hybrid_is_read_as_v1(tmp_path):
    got = ten_seconds(job_tree(tmp_path, "hybrid-22.05"), "hybrid-22.05")["2"]

    assert got["job_mem_limit"] == 150 << 20
    assert "job_pressure_cpu_some" not in got


def test_steps_and_tasks_are_told_when_asked_for(tmp_path):
    steps = ten_seconds(job_tree(tmp_path / "a", "v2-23.11"), "v2-23.11", job_detail="step")["4101"]
    tasks = ten_seconds(job_tree(tmp_path / "b", "v2-23.11"), "v2-23.11", job_detail="task")["4101"]

    assert steps["job_user_cpu[step:0]"] == pytest.approx(300)
    assert steps["job_user_cpu"] == pytest.approx(600)
    assert not any("[task" in name for name in steps)
    assert tasks["job_user_cpu[step:0]"] == pytest.approx(300)
    assert tasks["job_user_cpu[task:0.1]"] == pytest.approx(150)


def test_v1_failures_and_kills_are_added_up_over_steps_and_tasks_that_come_and_go(tmp_path):
    tree = job_tree(tmp_path, "v1-22.05")
    job = "sys/fs/cgroup/memory/slurm/uid_1001/job_2"
    tree.write(f"{job}/step_0/memory.failcnt", "7\n")
    killed = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"
    tree.write(f"{job}/step_0/task_0/memory.oom_control", killed)
    collector = CgroupCollector(tree.host, USUAL)
    first = of_jobs(collector.collect())["2"]
    tree.remove(f"{job}/step_0")
    tree.clock.advance(10)
    tree.write(f"{job}/step_1/memory.failcnt", "1\n")

    got = of_jobs(collector.collect())["2"]

    assert (first["job_mem_failures"], first["job_oom_kills"]) == (7, 2)
    assert (got["job_mem_failures"], got["job_oom_kills"]) == (8, 2)


def test_a_job_that_ends_while_it_is_read_is_no_error(tmp_path):
    tree = job_tree(tmp_path, "v2-23.11")
    assert len(tree.host.jobs.current()) == 2
    tree.remove(f"{SCOPE}/job_4101")
    tree.remove(f"{SCOPE}/job_4102/memory.stat")
    collector = CgroupCollector(tree.host, USUAL)

    got = of_jobs(collector.collect())
    tree.remove(f"{SCOPE}/job_4102")
    tree.clock.advance(10)
    later = of_jobs(collector.collect())

    assert got.keys() == {"", "4102"}
    assert got["4102"]["job_max_mem_used"] == 11 * GIBIBYTE
    assert later == {"": {"jobs_running": 0, "jobs_unknown": 0}}


def test_a_requeued_job_begins_anew(tmp_path):
    tree = job_tree(tmp_path, "v2-23.11")
    collector = CgroupCollector(tree.host, USUAL)
    collector.collect()
    (tmp_path / SCOPE / "job_4101").rename(tmp_path / "gone")
    tree.write(f"{SCOPE}/job_4101/cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\n")
    tree.clock.advance(10)

    got = of_jobs(collector.collect())

    assert "4101" not in got  # its counters have no rate yet


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_descriptor_is_left_open(tmp_path, layout):
    before = len(os.listdir("/proc/self/fd"))

    ten_seconds(job_tree(tmp_path, layout), layout, job_detail="task")

    assert len(os.listdir("/proc/self/fd")) == before


def test_hundreds_of_jobs_do_not_use_up_the_descriptors(tmp_path):
    tree = Tree(tmp_path, {"proc/1/mountinfo": MOUNT})
    for number in range(1, 300):
        for name in ("cpu.stat", "memory.max", "pids.current"):
            text = "usage_usec 5\nuser_usec 3\nsystem_usec 2\n" if name == "cpu.stat" else "1\n"
            tree.write(f"{SCOPE}/job_{number}/{name}", text)
    collector = CgroupCollector(tree.host, USUAL)
    before = len(os.listdir("/proc/self/fd"))

    samples = collector.collect()

    assert len({sample.jobid for sample in samples}) == 300
    assert len(os.listdir("/proc/self/fd")) - before <= MAX_KEPT_FILES
    collector.close()


def test_the_same_job_on_two_slurmd_of_one_host_has_two_series(tmp_path):
    tree = Tree(tmp_path, {"proc/1/mountinfo": MOUNT})
    for name in ("n1", "n2"):
        scope = f"sys/fs/cgroup/system.slice/{name}_slurmstepd.scope"
        tree.write(f"{scope}/job_5/memory.max", "1000\n")

    got = of_jobs(CgroupCollector(tree.host, USUAL).collect())["5"]

    assert got == {"job_mem_limit[slurmd:n1]": 1000, "job_mem_limit[slurmd:n2]": 1000}


def test_a_node_without_slurm_tells_nothing(tmp_path):
    tree = Tree(tmp_path, {"proc/1/mountinfo": MOUNT, "sys/fs/cgroup/init.scope/cpu.stat": ""})

    assert CgroupCollector(tree.host, USUAL).collect() == []


def test_a_node_without_cgroups_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no cgroup file system"):
        CgroupCollector(Tree(tmp_path).host, USUAL)
