"""v0.0.39 (Slurm 23.02 to 24.11) and v0.0.40 (23.11 to 25.11): script beside the job, the rest as later."""

from typing import Any

from pilothouse_dispatcher.slurm import v41
from pilothouse_dispatcher.slurm.description import JobDescription

VERSIONS = ("v0.0.40", "v0.0.39")

number = v41.number


def submission(job: JobDescription) -> dict[str, Any]:
    """Return the body of ``POST /job/submit``; 23.11 refuses a script inside the job."""
    fields = v41.submission(job)["job"]
    return {"script": fields.pop("script"), "job": fields}
