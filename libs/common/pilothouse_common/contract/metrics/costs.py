"""What each collector costs: CPU time of one call, microseconds.

Measured by ``python -m bench collectors``, which runs each on this machine where it has the thing, else
on its recorded tree; a test holds every collector to having a figure here.
"""

COST_MICROSECONDS: dict[str, int] = {
    "amd": 900,
    "beegfs": 250,
    "cgroup": 300,
    "clock": 12,
    "cpufreq": 65,
    "cray": 81,
    "edac": 94,
    "energy": 3,
    "gpfs": 150,
    "hwmon": 120,
    "infiniband": 280,
    "ipmi": 490,
    "limits": 60,
    "links": 260,
    "lustre": 180,
    "nfs": 520,
    "numa": 42,
    "nvidia": 650,
    "perf": 950,
    "processes": 450,
    "rapl": 43,
    "slingshot": 800,
    "thermal": 180,
}
