"""Which jobs run on a node: every layout of Slurm's cgroups, and whose a process is."""

import json
from pathlib import Path

import pytest
from pilothouse_agent.host import Host
from pilothouse_agent.jobs.job import parse_ids

from tests.unit.agent.tree import Tree

V2 = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
V1 = "".join(
    f"3{i} 31 0:3{i} / /sys/fs/cgroup/{names} rw - cgroup cgroup rw,{names}\n"
    for i, names in enumerate(("cpu,cpuacct", "cpuset", "memory", "freezer", "name=systemd"))
)
UNIFIED = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
SLUID = "sCGHM7WER5RT00"
V2_JOBS = "sys/fs/cgroup/system.slice/slurmstepd.scope"


def node(root: Path, mounts: str, files: dict[str, str] | None = None) -> Tree:
    return Tree(root, {"proc/1/mountinfo": mounts, **(files or {})})


def v1_job(top: str, job: str, pid: int) -> dict[str, str]:
    """As Slurm 22.05 makes it: the freezer has no directories of tasks, slurmstepd is above them."""
    base = "sys/fs/cgroup"
    return {
        f"{base}/freezer/{top}/uid_1001/{job}/cgroup.procs": "90\n",
        f"{base}/freezer/{top}/uid_1001/{job}/step_0/cgroup.procs": f"{pid}\n{pid + 1}\n",
        f"{base}/memory/{top}/uid_1001/{job}/step_0/cgroup.procs": "90\n",
        f"{base}/memory/{top}/uid_1001/{job}/step_0/task_0/cgroup.procs": f"{pid}\n{pid + 1}\n",
        f"{base}/cpuset/{top}/uid_1001/{job}/cpuset.cpus": "2-3\n",
        f"proc/{pid}/cgroup": f"4:memory:/{top}/uid_1001/{job}/step_0/task_0\n0::/\n",
    }


def v2_job(scope: str, job: str, pid: int) -> dict[str, str]:
    base = f"sys/fs/cgroup{scope}/{job}"
    return {
        f"{base}/cpuset.cpus.effective": "0,4-5\n",
        f"{base}/step_batch/slurm/cgroup.procs": "90\n",
        f"{base}/step_batch/user/task_special/cgroup.procs": f"{pid}\n",
        f"{base}/step_0/slurm/cgroup.procs": "91\n",
        f"{base}/step_0/user/task_0/cgroup.procs": f"{pid + 1}\n",
        f"{base}/step_0/user/task_0/container/cgroup.procs": f"{pid + 2}\n",
        f"proc/{pid}/cgroup": f"0::{scope}/{job}/step_batch/user/task_special\n",
    }


def note(tree: Tree, job_id: int, **fields: object) -> None:
    tree.write(f"run/pilothouse/jobs/{job_id}", json.dumps({"job_id": job_id, **fields}))


@pytest.mark.parametrize(
    ("mounts", "top"),
    [(V1, "slurm"), (V1, "slurm_n1"), (V1 + UNIFIED, "slurm")],
    ids=["22.05", "multiple slurmd", "hybrid"],
)
def test_a_job_of_cgroup_v1_is_found(tmp_path, mounts, top):
    tree = node(tmp_path, mounts, v1_job(top, "job_5", 100))

    [job] = tree.host.jobs.current()

    assert (job.job_id, job.uid, job.version) == ("5", 1001, 1)
    assert job.node == top.removeprefix("slurm").removeprefix("_")
    assert job.pids() == [100, 101]
    assert job.hwthreads == (2, 3)
    assert job.directory("memory") == f"sys/fs/cgroup/memory/{top}/uid_1001/job_5"
    assert job.directory("cpuacct") == ""
    assert tree.host.jobs.job_of_pid(100) is job


@pytest.mark.parametrize(
    "scope",
    ["/system.slice/slurmstepd.scope", "/system.slice/n1_slurmstepd.scope",
     "/hpc.slice/hpc-batch.slice/slurmstepd.scope", "/slurmstepd.scope"],
)  # fmt: skip
def test_a_job_of_cgroup_v2_is_found(tmp_path, scope):
    tree = node(tmp_path, V2, v2_job(scope, "job_5", 100))

    [job] = tree.host.jobs.current()

    assert (job.job_id, job.version) == ("5", 2)
    assert job.pids() == [101, 102, 100]
    assert job.steps() == ["step_0", "step_batch"]
    assert job.hwthreads == (0, 4, 5)
    assert job.directory("memory") == f"sys/fs/cgroup{scope}/job_5"
    assert tree.host.jobs.job_of_pid(100) is job


def test_a_sluid_is_the_job_that_the_prolog_noted(tmp_path):
    tree = node(tmp_path, V2, v2_job("/system.slice/slurmstepd.scope", SLUID, 100))
    note(tree, 7, sluid=SLUID, uid=1002, gpu_ids=["0", "3"])

    [job] = tree.host.jobs.current()

    assert (job.job_id, job.sluid, job.uid, job.gpu_ids) == ("7", SLUID, 1002, ("0", "3"))
    assert tree.host.jobs.job_of_pid(100) is job


def test_a_sluid_without_a_note_is_the_job_that_slurmstepd_says(tmp_path):
    tree = node(tmp_path, V2, v2_job("/system.slice/slurmstepd.scope", SLUID, 100))
    tree.write("proc/90/cmdline", "slurmstepd: [8.batch]\0")
    tree.write("proc/91/cmdline", "slurmstepd: [8.0]\0")
    tree.write("proc/100/environ", "SLURM_JOB_ID=9\0")

    [job] = tree.host.jobs.current()

    assert job.job_id == "8"


def test_a_sluid_that_only_its_process_names_is_believed_unless_the_number_is_taken(tmp_path):
    tree = node(tmp_path, V2, v2_job("/system.slice/slurmstepd.scope", SLUID, 100))
    tree.write("proc/100/environ", "A=1\0SLURM_JOB_ID=9\0")
    assert [job.job_id for job in tree.host.jobs.current()] == ["9"]

    other = node(
        tmp_path / "other",
        V2,
        v2_job("/system.slice/slurmstepd.scope", SLUID, 100)
        | v2_job("/system.slice/slurmstepd.scope", "job_9", 200),
    )
    other.write("proc/100/environ", "SLURM_JOB_ID=9\0")
    jobs = other.host.jobs.current()

    assert [job.directory("v2").rpartition("/")[2] for job in jobs] == ["job_9"]
    assert other.host.jobs.unknown == 1


def test_gpus_come_from_the_environment_when_no_prolog_noted_them(tmp_path):
    tree = node(tmp_path, V2, v2_job("/system.slice/slurmstepd.scope", "job_5", 100))
    [job] = tree.host.jobs.current()
    before_a_process_can_be_read = len(job.gpu_ids)
    tree.write("proc/100/environ", "SLURM_JOB_ID=5\0SLURM_JOB_GPUS=1,4-5\0")

    assert before_a_process_can_be_read == 0
    assert job.gpu_ids == ("1", "4", "5")


def test_of_several_slurmd_the_one_with_the_node_s_name_counts(tmp_path):
    files = v1_job("slurm_n1", "job_5", 100) | v1_job("slurm_n2", "job_6", 200)
    tree = node(tmp_path, V1, files)
    n2 = Host(tmp_path, tree.clock, node_name="n2")
    other = Host(tmp_path, tree.clock, node_name="login")

    assert [job.job_id for job in n2.jobs.current()] == ["6"]
    assert [job.job_id for job in other.jobs.current()] == ["5", "6"]


def test_jobs_come_and_go_and_the_same_job_stays_the_same(tmp_path):
    tree = node(tmp_path, V2, v2_job("/system.slice/slurmstepd.scope", "job_5", 100))
    [five] = tree.host.jobs.current()
    for path, text in v2_job("/system.slice/slurmstepd.scope", "job_12", 200).items():
        tree.write(path, text)

    assert tree.host.jobs.current() == [five]  # the same sweep
    tree.clock.advance(1)
    assert [job.job_id for job in tree.host.jobs.current()] == ["5", "12"]
    assert tree.host.jobs.current()[0] is five
    tree.remove(f"{V2_JOBS}/job_5")
    tree.clock.advance(1)

    assert [job.job_id for job in tree.host.jobs.current()] == ["12"]
    assert five.pids() == []
    assert tree.host.jobs.job_of_pid(100) is None


def test_a_job_that_started_again_is_another(tmp_path):
    tree = node(tmp_path, V2, v2_job("/system.slice/slurmstepd.scope", "job_5", 100))
    [first] = tree.host.jobs.current()
    (tmp_path / V2_JOBS / "job_5").rename(tmp_path / V2_JOBS / "gone")
    (tmp_path / V2_JOBS / "job_5").mkdir()
    tree.clock.advance(1)

    [again] = tree.host.jobs.current()

    assert again is not first
    assert again.job_id == "5"


def test_slurm_may_start_after_the_agent(tmp_path):
    tree = node(tmp_path, V2)
    assert tree.host.jobs.current() == []
    for path, text in v2_job("/system.slice/slurmstepd.scope", "job_5", 100).items():
        tree.write(path, text)
    tree.clock.advance(31)

    assert [job.job_id for job in tree.host.jobs.current()] == ["5"]


def test_what_a_user_named_alike_is_no_job(tmp_path):
    tree = node(
        tmp_path,
        V2,
        v2_job("/user.slice/user-1001.slice/x_slurmstepd.scope", "job_5", 100)
        | v2_job("/system.slice/slurmstepd.scope", "job_", 200)
        | v2_job("/system.slice/slurmstepd.scope", "job_99999999999", 300)
        | v2_job("/system.slice/slurmstepd.scope", "system", 400),
    )

    assert tree.host.jobs.current() == []
    assert tree.host.jobs.job_of_pid(100) is None


def test_no_cgroups_no_jobs(tmp_path):
    assert Tree(tmp_path).host.jobs.current() == []


def test_the_note_of_a_job_whose_epilog_never_ran_goes_after_an_hour(tmp_path):
    tree = node(tmp_path, V2, v2_job("/system.slice/slurmstepd.scope", "job_5", 100))
    note(tree, 5)
    note(tree, 6)
    tree.write("run/pilothouse/jobs/.123", "half a note")
    tree.host.jobs.current()
    tree.clock.advance(1800)
    tree.host.jobs.current()
    assert len(list((tmp_path / "run/pilothouse/jobs").iterdir())) == 3

    tree.clock.advance(1800)
    tree.host.jobs.current()

    assert {p.name for p in (tmp_path / "run/pilothouse/jobs").iterdir()} == {"5", ".123"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"job_id": 8}', '{"job_id": 7, "gpu_ids": 1}', "\xff"]
)
def test_a_note_that_is_none_is_left_out(tmp_path, text):
    tree = node(tmp_path, V2, v2_job("/system.slice/slurmstepd.scope", "job_7", 100))
    tree.write("run/pilothouse/jobs/7", text.encode("latin-1"))

    [job] = tree.host.jobs.current()

    assert (job.job_id, job.gpu_ids) == ("7", ())


@pytest.mark.parametrize(
    ("text", "ids"),
    [("0-2,8", (0, 1, 2, 8)), ("", ()), ("x", ()), ("0-99999999", ()), ("1,", ()), ("5-4", ())],
)
def test_lists_of_numbers_are_read(text, ids):
    assert parse_ids(text) == ids
