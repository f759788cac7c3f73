"""Which job a SLUID is: from Slurm 26.05 it is all that the path of a job's cgroup says.

Sources: cgroup.conf(5), CgroupJobIdPaths; Slurm's prolog_epilog.shtml, SLURM_JOB_SLUID.
"""

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from pilothouse_agent.jobs.job import FEW_PROCESSES, STEPDS_OWN, NodeJob, read_variables
from pilothouse_agent.jobs.layout import V2
from pilothouse_agent.jobs.notes import Note

if TYPE_CHECKING:
    from pilothouse_agent.host import Host

STEPD_TITLE = re.compile(r"slurmstepd: \[(\d{1,10})\.")
"""The command line of the process that Slurm, as root, runs for each step: ``slurmstepd: [5.batch]``."""


def job_id_of(
    host: "Host", sluid: str, directory: str, notes: Mapping[str, Note], taken: Collection[str]
) -> str:
    """Return the job id as the prolog noted it, or Slurm's own process or the job's say; else "".

    Args:
        host: The node.
        sluid: The name of the directory.
        directory: The job's cgroup.
        notes: Of the prolog, by job id.
        taken: Job ids that are other cgroups', whatever a user's process says.
    """
    for job_id, note in notes.items():
        if note.sluid == sluid:
            return job_id
    job = NodeJob(
        host, job_id="", sluid=sluid, node="", uid=None, directories={V2: directory}, note=None
    )
    said = _stepd_says(host, job)
    if said:
        return said
    said = _environment_says(host, job)
    return "" if said in taken else said


def _stepd_says(host: "Host", job: NodeJob) -> str:
    for step in job.steps():
        own = f"{job.directory(V2)}/{step}/{STEPDS_OWN}/cgroup.procs"
        for pid in host.read(own).split()[:FEW_PROCESSES]:
            title = STEPD_TITLE.match(host.read(f"proc/{pid}/cmdline"))
            if title:
                return str(int(title[1]))
    return ""


def _environment_says(host: "Host", job: NodeJob) -> str:
    for pid in job.pids()[:FEW_PROCESSES]:
        number = read_variables(host, pid).get("SLURM_JOB_ID", "")
        if number.isascii() and number.isdecimal() and len(number) <= 10:
            return str(int(number))
    return ""
