"""A real Slurm that confines jobs by cgroup v1: what the collectors tell of a job of known load.

Where cgroup v1 cannot be written (most hosts since 2021), this test does not exist; the recorded trees of
tests/unit/agent hold the other layouts.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pilothouse_agent.collectors.cgroup import CgroupCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.collectors.processes import ProcessesCollector
from pilothouse_agent.hook.__main__ import main
from pilothouse_agent.host import Host
from pilothouse_common.contract.samples import Sample

from tests.support.process import eventually
from tests.support.slurm import Slurm, directory_for_all_users, private_slurm, require

CONTROLLERS = ("freezer", "cpuset", "memory", "cpuacct", "devices")
MIB = 1 << 20
LOAD = """\
exec python3 -c "
block = bytearray(60 << 20)
for i in range(0, len(block), 4096): block[i] = 1
open('ready-$SLURM_JOB_ID', 'w').close()
while True: pass"
"""


def writable() -> bool:
    folders = [Path("/sys/fs/cgroup") / name for name in CONTROLLERS]
    return os.geteuid() == 0 and all((folder / "tasks").exists() for folder in folders)


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    require()
    with directory_for_all_users() as made:
        yield made


@pytest.fixture(scope="module")
def slurm(directory: Path) -> Iterator[Slurm]:
    arguments = ["--dir", str(directory), "--broker-url", f"spool:{directory}/spool"]
    assert main(["install", *arguments, "--state-dir", f"{directory}/state"]) == 0
    lines = "".join(f"{name}={directory}/pilothouse-hook\n" for name in ("Prolog", "Epilog"))
    with private_slurm(nodes=1, cpus=2, gpus=2, cgroups=True, extra=lines) as cluster:
        yield cluster


def told(samples: list[Sample], job_id: int) -> dict[str, float]:
    return {s.name: s.value for s in samples if s.jobid == str(job_id) and not s.stype}


def a_loaded_job_is_told_from_its_first_second_to_its_end(slurm: Slurm, directory: Path) -> None:
    host = Host(node_name="n1", state_dir=f"{directory}/state")
    cgroup = CgroupCollector(host, Options(job_detail="step"))
    processes = ProcessesCollector(host, Options(job_processes=1))
    job_id = slurm.running(LOAD, ntasks=1, mem=200, gres="gpu:1")
    eventually((slurm.jobs / f"ready-{job_id}").exists, within=30)
    cgroup.collect()
    processes.collect()
    begin = time.monotonic()  # over less than a second the kernel's clock ticks are too coarse
    eventually(lambda: time.monotonic() > begin + 1, within=5, every=0.2)

    def busy() -> dict[str, float]:
        values = told(cgroup.collect(), job_id)
        assert values.get("job_user_cpu", 0) > 20  # other tests may have the rest of the core
        return values

    values = eventually(busy, within=20, every=1.0)
    sums = processes.collect()
    [job] = [job for job in host.jobs.current() if job.job_id == str(job_id)]

    assert values["job_hwthreads"] == 1
    assert values["job_cpu_used"] <= 110  # one hardware thread, and the clocks' grain
    assert 60 * MIB < values["job_mem_used"] < 100 * MIB
    assert values["job_mem_limit"] == 200 * MIB
    assert (values["job_oom_kills"], values["job_mem_failures"]) == (0, 0)
    assert told(sums, job_id)["job_processes"] >= 2
    assert any(s.stype_id.endswith(" python3") and s.value > 20 for s in sums)
    assert (job.gpu_ids, job.uid) == (("0",), os.stat(slurm.jobs / f"ready-{job_id}").st_uid)
    assert host.jobs.job_of_pid(job.pids()[-1]) is job
    slurm.cancel(job_id)
    slurm.wait(job_id)

    def gone() -> bool:
        return not told(cgroup.collect(), job_id)  # its descriptors were kept until now

    eventually(gone, within=20)
    eventually(lambda: not list((directory / "state/jobs").iterdir()), within=20)
    cgroup.close()


def a_job_that_takes_too_much_memory_is_told_as_killed(slurm: Slurm, directory: Path) -> None:
    host = Host(node_name="n1", state_dir=f"{directory}/state")
    cgroup = CgroupCollector(host, Options())
    greedy = "python3 -c 'bytearray(400 << 20)[::4096] = bytes(102400)'\nsleep 60"
    job_id = slurm.running(greedy, ntasks=1, mem=100)

    def killed() -> bool:
        values = told(cgroup.collect(), job_id)
        return values.get("job_oom_kills", 0) >= 1 and values["job_mem_failures"] >= 1

    eventually(killed, within=30)
    slurm.cancel(job_id)
    slurm.wait(job_id)
    cgroup.close()


if writable():
    test_a_loaded_job = a_loaded_job_is_told_from_its_first_second_to_its_end
    test_a_greedy_job = a_job_that_takes_too_much_memory_is_told_as_killed
