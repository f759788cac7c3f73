"""v0.0.41 to v0.0.45 (Slurm 24.05 to 26.05): script in the job, a list of variables, numbers as objects."""

from typing import Any

from pilothouse_dispatcher.slurm.description import JobDescription
from pilothouse_dispatcher.slurm.encode import (
    UNLIMITED_MINUTES,
    node_range,
    shared_fields,
    tres_per_node,
    variables,
)

VERSIONS = ("v0.0.45", "v0.0.44", "v0.0.43", "v0.0.42", "v0.0.41")


def number(value: int) -> dict[str, Any]:
    """Write a number as an object."""
    if value == UNLIMITED_MINUTES:
        return {"set": True, "infinite": True, "number": 0}
    return {"set": True, "infinite": False, "number": value}


def submission(job: JobDescription) -> dict[str, Any]:
    """Return the body of ``POST /job/submit``."""
    fields = shared_fields(job, number=number)
    fields["script"] = job.script
    fields["environment"] = [f"{name}={value}" for name, value in variables(job).items()]
    nodes, tres = node_range(job), tres_per_node(job)
    if nodes:
        fields["nodes"] = nodes
    if tres:
        fields["tres_per_node"] = tres
    if job.exclusive:
        fields["shared"] = ["none"]
    return {"job": fields}
