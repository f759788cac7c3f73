"""What each collector costs: CPU time of one call, microseconds.

Measured by ``python -m bench collectors``, which runs each on this machine where it has the thing, else
on its recorded tree; a test holds every collector to having a figure here.
"""

COST_MICROSECONDS: dict[str, int] = {
    "agent": 25,
    "amd": 1200,
    "beegfs": 120,
    "cgroup": 170,
    "clock": 10,
    "cpu": 120,
    "cpufreq": 45,
    "cray": 22,
    "disk": 35,
    "edac": 94,
    "energy": 37,
    "filesystem": 100,
    "gpfs": 140,
    "hwmon": 89,
    "infiniband": 230,
    "ipmi": 380,
    "limits": 71,
    "links": 190,
    "load": 15,
    "lustre": 88,
    "memory": 37,
    "netstat": 110,
    "network": 30,
    "nfs": 250,
    "numa": 44,
    "nvidia": 820,
    "paging": 68,
    "perf": 590,
    "pressure": 49,
    "processes": 470,
    "rapl": 44,
    "slingshot": 640,
    "sockets": 31,
    "thermal": 130,
    "uptime": 6,
}
