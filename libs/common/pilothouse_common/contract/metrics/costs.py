"""What each collector costs: CPU time of one call, microseconds.

Measured by ``python -m bench collectors``, which runs each on this machine where it has the thing, else
on its recorded tree; a test holds every collector to having a figure here.
"""

COST_MICROSECONDS: dict[str, int] = {
    "agent": 18,
    "amd": 1300,
    "beegfs": 130,
    "cgroup": 270,
    "clock": 15,
    "cpu": 100,
    "cpufreq": 66,
    "cray": 35,
    "disk": 36,
    "edac": 140,
    "energy": 59,
    "filesystem": 99,
    "gpfs": 200,
    "hwmon": 120,
    "infiniband": 240,
    "ipmi": 800,
    "limits": 73,
    "links": 230,
    "load": 9,
    "lustre": 89,
    "memory": 38,
    "netstat": 180,
    "network": 31,
    "nfs": 260,
    "numa": 76,
    "nvidia": 1200,
    "paging": 69,
    "perf": 1300,
    "pressure": 50,
    "processes": 400,
    "rapl": 71,
    "slingshot": 880,
    "sockets": 51,
    "thermal": 200,
    "uptime": 9,
}
