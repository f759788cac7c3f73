"""v0.0.38 (Slurm 22.05 to 24.05): script beside the job, environment as an object, plain numbers.

Unknown keys are refused with 400. ``nodes`` is documented as an array, of which only the text works.
"""

from typing import Any

from pilothouse_dispatcher.slurm.description import JobDescription
from pilothouse_dispatcher.slurm.encode import node_range, shared_fields, tres_per_node, variables

VERSIONS = ("v0.0.38",)


def number(value: int) -> int:
    """Write a number."""
    return value


def submission(job: JobDescription) -> dict[str, Any]:
    """Return the body of ``POST /job/submit``."""
    fields = shared_fields(job, number=number)
    fields["environment"] = variables(job)
    if job.begin_time:  # as text; a clock time would be of slurmrestd's zone
        fields["begin_time"] = f"uts{int(job.begin_time.timestamp())}"
    nodes, tres = node_range(job), tres_per_node(job)
    if nodes:
        fields["nodes"] = nodes
    if tres:
        fields["gres"] = ",".join(word.removeprefix("gres/") for word in tres.split(","))
    if job.exclusive:
        fields["exclusive"] = "true"
    return {"script": job.script, "job": fields}
