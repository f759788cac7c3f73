"""What a job uses of the accelerators: by what it was given, else by its processes; never twice."""

from pathlib import Path

import pytest
from pilothouse_agent.collectors.amd import AmdCollector
from pilothouse_agent.collectors.nvidia import NvidiaCollector
from pilothouse_agent.sweep import Measured
from pilothouse_common.contract.metrics.table import find_metric

from tests.unit.agent.test_jobs import V1, V2, note
from tests.unit.agent.tree import USUAL, Tree, recorded

FIRST, SECOND = "0000:3b:00.0", "0000:af:00.0"
DEVICES = "51 31 0:51 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
SCOPE = "/system.slice/slurmstepd.scope"
CARD = """\
{index}.pci {bus}
{index}.uuid GPU-{n}
{index}.name NVIDIA L40S
{index}.minor {minor}
{index}.utilization {n}5
{index}.memory_utilization 1
{index}.memory_used {n}000
{index}.memory_total 9000
{index}.power_mw {n}00000
{index}.fields 1
{index}.tells_processes 1
{index}.field.83 {n}000000
"""


def node(root: Path, mounts: str = V2) -> Tree:
    """Two whole cards, whose device files are numbered the other way round."""
    tree = Tree(root, {"dev/nvidia0": "", "proc/1/mountinfo": mounts})
    first = CARD.format(index=0, n=1, bus=FIRST, minor=1)
    second = CARD.format(index=1, n=2, bus=SECOND, minor=0)
    tree.write("nvml", f"count 2\n{first}{second}")
    return tree


def say(tree: Tree, *lines: str) -> None:
    tree.write("nvml", "\n".join(lines) + "\n" + tree.read("nvml"))


def job(tree: Tree, job_id: int, pid: int, environ: str = "") -> None:
    base = f"sys/fs/cgroup{SCOPE}/job_{job_id}/step_0"
    tree.write(f"{base}/user/task_0/cgroup.procs", f"{pid}\n")
    tree.write(f"proc/{pid}/cgroup", f"0::{SCOPE}/job_{job_id}/step_0/user/task_0\n")
    tree.write(f"proc/{pid}/environ", f"SLURM_JOB_ID={job_id}\0{environ}".replace(" ", "\0"))


def told(collector) -> dict[tuple[str, str, str], float]:
    """Return what is told of jobs, by metric, job and part."""
    samples = Measured(collector).collect()
    return {
        (s.name, s.jobid, s.stype_id or s.type_id or s.type): s.value for s in samples if s.jobid
    }


@pytest.fixture
def tree(tmp_path) -> Tree:
    return node(tmp_path)


@pytest.fixture
def collector(tree):
    collector = NvidiaCollector(tree.host, USUAL)
    yield collector
    collector.close()


def test_the_prolog_s_note_says_which_device_file_a_job_was_given(tree, collector):
    job(tree, 5, 100)
    note(tree, 5, gpu_ids=["1"])

    got = told(collector)

    assert got["job_acc_utilization", "5", FIRST] == 15
    assert got["job_acc_mem_used", "5", FIRST] == 1000
    assert got["job_acc_power", "5", FIRST] == 100
    assert {part for _, _, part in got} == {FIRST, "node"}
    assert got["job_acc_count", "5", "node"] == 1
    assert all(find_metric(metric) for metric, _, _ in got)


def test_without_a_note_the_environment_of_the_job_says_it(tree, collector):
    job(tree, 5, 100, "SLURM_JOB_GPUS=0 CUDA_VISIBLE_DEVICES=0")

    assert ("job_acc_power", "5", SECOND) in told(collector)


def test_without_either_the_processes_on_the_device_say_it(tree, collector):
    job(tree, 5, 100)
    job(tree, 6, 200)
    say(tree, "0.process.0 200 512 4294967295")

    got = told(collector)

    assert {(jobid, part) for _, jobid, part in got} == {("6", FIRST), ("6", "node")}


def test_what_the_kernel_lets_a_job_open_goes_before_what_it_says(tmp_path):
    tree = node(tmp_path, V1 + DEVICES)
    for controller in ("freezer", "devices"):
        tree.write(f"sys/fs/cgroup/{controller}/slurm/uid_7/job_5/step_0/cgroup.procs", "100\n")
    tree.write(
        "sys/fs/cgroup/devices/slurm/uid_7/job_5/devices.list", "c 195:255 rwm\nc 195:0 rw\n"
    )
    tree.write("proc/100/environ", "SLURM_JOB_ID=5\0SLURM_JOB_GPUS=0,1\0")
    collector = NvidiaCollector(tree.host, USUAL)

    got = told(collector)
    collector.close()

    assert {part for _, _, part in got} == {SECOND, "node"}


def test_a_job_that_may_open_everything_is_asked_otherwise(tmp_path):
    tree = node(tmp_path, V1 + DEVICES)
    for controller in ("freezer", "devices"):
        tree.write(f"sys/fs/cgroup/{controller}/slurm/uid_7/job_5/step_0/cgroup.procs", "100\n")
    tree.write("sys/fs/cgroup/devices/slurm/uid_7/job_5/devices.list", "a *:* rwm\n")
    note(tree, 5, gpu_ids=["1"])
    collector = NvidiaCollector(tree.host, USUAL)

    got = told(collector)
    collector.close()

    assert {part for _, _, part in got} == {FIRST, "node"}


def test_two_devices_are_summed_for_the_node_and_utilisation_is_their_mean(tree, collector):
    job(tree, 5, 100)
    note(tree, 5, gpu_ids=["0", "1"])

    got = told(collector)

    assert got["job_acc_power", "5", "node"] == 300
    assert got["job_acc_mem_used", "5", "node"] == 3000
    assert got["job_acc_utilization", "5", "node"] == 20
    assert got["job_acc_count", "5", "node"] == 2


def test_jobs_on_one_device_have_only_their_own_memory(tree, collector):
    job(tree, 5, 100)
    job(tree, 6, 200)
    note(tree, 5, gpu_ids=["1"])
    note(tree, 6, gpu_ids=["1"])
    say(tree, "0.process.0 100 300 4294967295", "0.process.1 200 500 4294967295")

    got = told(collector)

    assert got["job_acc_mem_used", "5", FIRST] == 300
    assert got["job_acc_mem_used", "6", FIRST] == 500
    assert not [key for key in got if key[0] in ("job_acc_power", "job_acc_utilization")]


def test_jobs_behind_the_mps_server_are_told_apart(tree, collector):
    job(tree, 5, 100)
    job(tree, 6, 200)
    say(
        tree,
        "0.process.0 77 30 0",
        "0.tells_clients 1",
        "0.client.0 100 300 0",
        "0.client.1 200 500 0",
    )

    got = told(collector)

    assert got["job_acc_mem_used", "5", FIRST] == 300
    assert got["job_acc_mem_used", "6", FIRST] == 500


def test_a_false_claim_takes_nothing_from_the_job_that_computes(tree, collector):
    job(tree, 5, 100, "SLURM_JOB_GPUS=1")
    job(tree, 6, 200, "SLURM_JOB_GPUS=1")
    say(tree, "0.process.0 100 300 4294967295")

    got = told(collector)

    assert got["job_acc_power", "5", FIRST] == 100
    assert not [key for key in got if key[1] == "6"]


def test_energy_is_that_since_the_job_was_seen(tree, collector):
    say(tree, "1.field.83 !3")  # the second card has no counter: its power counts
    job(tree, 5, 100)
    note(tree, 5, gpu_ids=["0", "1"])
    first = told(collector)
    say(tree, "0.field.83 4000000", "1.power_mw 50000")
    tree.clock.advance(10)

    got = told(collector)

    assert first["job_acc_energy", "5", "node"] == 0
    assert got["job_acc_energy", "5", FIRST] == 3000
    assert got["job_acc_energy", "5", SECOND] == 500
    assert got["job_acc_energy", "5", "node"] == 3500


def test_the_next_job_on_a_device_begins_at_nothing(tree, collector):
    job(tree, 5, 100)
    note(tree, 5, gpu_ids=["1"])
    told(collector)
    tree.remove(f"sys/fs/cgroup{SCOPE}/job_5")
    job(tree, 6, 200)
    note(tree, 6, gpu_ids=["1"])
    say(tree, "0.field.83 9000000")
    tree.clock.advance(10)

    got = told(collector)

    assert got["job_acc_energy", "6", FIRST] == 0
    assert {jobid for _, jobid, _ in got} == {"6"}


def test_a_mig_instance_is_the_job_s_whose_environment_names_it(tmp_path):
    tree = recorded(tmp_path, "nvidia")
    tree.write("proc/1/mountinfo", V2)
    job(tree, 5, 100, "CUDA_VISIBLE_DEVICES=MIG-22222222-0000-0000-0000-000000000000")
    job(tree, 6, 5555)
    note(tree, 6, gpu_ids=["0"])  # of which instance or card it is the number, nobody can tell
    say(tree, "1.process.0 5555 8455716864 3")
    collector = NvidiaCollector(tree.host, USUAL)
    told(collector)
    tree.clock.advance(10)

    got = told(collector)
    collector.close()

    assert got["job_acc_mem_used", "5", "5/0"] == 2**30
    assert got["job_acc_utilization", "5", "5/0"] == 0
    assert got["job_acc_utilization", "6", "3/0"] == 64.5
    assert not [key for key in got if key[0] == "job_acc_power"]


def test_amd_cards_are_counted_by_their_device_file_or_their_place(tmp_path):
    tree = recorded(tmp_path, "amd")
    tree.write("proc/1/mountinfo", V2)
    job(tree, 5, 100)
    job(tree, 6, 200)
    note(tree, 5, gpu_ids=["0"])
    note(tree, 6, gpu_ids=["130"])
    collector = AmdCollector(tree.host, USUAL)
    told(collector)
    tree.clock.advance(10)

    got = told(collector)
    collector.close()

    assert got["job_acc_power", "5", "0000:c1:00.0"] == 41
    assert got["job_acc_energy", "6", "0000:c6:00.0"] == 410


def test_without_jobs_nothing_is_told_of_jobs(tree, collector):
    assert told(collector) == {}
