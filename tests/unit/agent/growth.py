"""Nodes of any size, made of recorded ones: hardware threads, jobs and processes are copied."""

import re
import shutil
from pathlib import Path

from tests.unit.agent.tree import FIXTURES, Tree, lay_out, small

CPUS = "sys/devices/system/cpu"
MOUNT = "proc/1/mountinfo"


def big_node(root: Path, layout: str, *, hwthreads: int, jobs: int, processes: int) -> Tree:
    """Return a node with so many of each.

    Args:
        root: Of its files.
        layout: How Slurm and the kernel lay out cgroups: a recorded tree of ``fixtures/jobs``.
        hwthreads: Two per core, half of them in each of two sockets, each with a clock.
        jobs: Copies of the recorded one.
        processes: Copies of a recorded one, in these jobs in turn.
    """
    tree = lay_out(small(root).overlay("cpufreq", "before"), f"{layout}.before.tree")
    for name in ("thermal", "processes"):
        if (FIXTURES / name / "before").is_dir():
            tree.overlay(name, "before")
    lay_out(tree, f"{layout}.before.tree")
    add_hwthreads(tree, hwthreads)
    copy_jobs(tree, jobs)
    copy_processes(tree, processes)
    return tree


def add_hwthreads(tree: Tree, count: int) -> None:
    """Give the node so many hardware threads, and the kernel's counts of them."""
    first, *rest = tree.read("proc/stat").splitlines()
    model = next(line for line in rest if line.startswith("cpu0")).partition(" ")[2]
    others = [line for line in rest if not line.startswith("cpu")]
    lines = [first, *(f"cpu{i} {model}" for i in range(count)), *others]
    tree.write("proc/stat", "\n".join(lines) + "\n")
    for i in range(count):
        half = i % (count // 2)
        tree.write(f"{CPUS}/cpu{i}/topology/physical_package_id", f"{half // max(1, count // 4)}\n")
        tree.write(f"{CPUS}/cpu{i}/topology/core_id", f"{half}\n")
        tree.write(f"{CPUS}/cpu{i}/thermal_throttle/core_throttle_count", "0\n")
        tree.write(f"{CPUS}/cpufreq/policy{i}/scaling_cur_freq", "2450000\n")
        tree.write(f"{CPUS}/cpufreq/policy{i}/affected_cpus", f"{i}\n")


def ten_seconds_of_work(tree: Tree) -> None:
    """Let ten seconds pass, in which every hardware thread works."""
    threads, others = [], []
    for line in tree.read("proc/stat").splitlines():
        name, *values = line.split()
        if name.startswith("cpu"):
            threads.append(" ".join([name, *(str(int(value) + 100) for value in values)]))
        else:
            others.append(line)
    tree.write("proc/stat", "\n".join([*threads, *others]) + "\n")
    tree.clock.advance(10)


def copy_jobs(tree: Tree, count: int) -> None:
    """Copy the first recorded job's directories in every hierarchy until there are so many jobs."""
    directories = [p for p in tree.root.glob("sys/fs/cgroup/**/job_*") if p.is_dir()]
    number = min(int(path.name.removeprefix("job_")) for path in directories)
    for path in directories:
        if path.name == f"job_{number}":
            for i in range(1, count):
                shutil.copytree(path, path.with_name(f"job_{100_000 + i}"))
        else:
            shutil.rmtree(path)


def copy_processes(tree: Tree, count: int) -> None:
    """Copy one recorded process until there are so many, spread over the jobs."""
    recorded = [p for p in (tree.root / "proc").iterdir() if re.fullmatch(r"[1-9]\d{2,}", p.name)]
    if not recorded:
        return
    model = max(recorded, key=lambda path: len(list(path.iterdir())))
    jobs = sorted({p.name for p in tree.root.glob("sys/fs/cgroup/**/job_*") if p.is_dir()})
    for i in range(count):
        path = model.with_name(str(500_000 + i))
        shutil.copytree(model, path)
        cgroup = path / "cgroup"
        if cgroup.exists():
            cgroup.write_text(re.sub(r"job_\d+", jobs[i % len(jobs)], cgroup.read_text()))
