"""What each collector costs: CPU time of one call, microseconds.

Measured by ``python -m bench collectors``, which runs each on this machine where it has the thing, else
on its recorded tree; a test holds every collector to having a figure here.
"""

COST_MICROSECONDS: dict[str, int] = {
    "amd": 900,
    "beegfs": 250,
    "gpfs": 150,
    "infiniband": 280,
    "limits": 60,
    "links": 260,
    "lustre": 180,
    "nfs": 520,
    "nvidia": 650,
    "slingshot": 800,
}
