"""Install the servers that tests start, all at once and before the first test (`make test` calls this).

Only on Debian and as root; elsewhere tests look for what is there (provide.py).
"""

import os
import shutil
import sys
from pathlib import Path

from tests.support import jumonc_real
from tests.support.process import find_program
from tests.support.provide import apt_install

PACKAGE_OF = {
    "rabbitmq-server": "rabbitmq-server",
    "influxd": "influxdb",
    "victoria-metrics": "victoria-metrics",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "slurmrestd": "slurmrestd",
    "sbatch": "slurm-client",
    "munged": "munge",
    "chromium": "chromium",
    "mpirun": "openmpi-bin",
    "openssl": "openssl",
    "curl": "curl",
    "gfortran": "gfortran",
    "gcc": "gcc",
    "socat": "socat",
    "tinyproxy": "tinyproxy-bin",
    "microsocks": "microsocks",
}
DIRS = ("/usr/sbin", "/sbin", "/usr/lib/rabbitmq/bin")


def missing_packages() -> list[str]:
    """Return the Debian packages of the programs that are not here."""
    packages = [package for name, package in PACKAGE_OF.items() if not find_program(name, *DIRS)]
    if not list(Path("/usr/lib").glob("*/libatomic.so.1")):
        packages.append("libatomic1")  # the browser driver's own node needs it
    if not list(Path("/usr/lib").glob("*/pmix2/lib/libpmix.so")):
        packages.append("libpmix-dev")  # what srun --mpi=pmix loads
    if not find_program("initdb") and not Path("/usr/lib/postgresql").is_dir():
        packages.append("postgresql")
    if "gcc" in packages:
        packages.append("libc6-dev")
    if "slurmrestd" in packages:
        packages.append("slurm-wlm-jwt-plugin")
    return packages


def main() -> int:
    packages = missing_packages()
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"test servers: installing {' '.join(packages)}", file=sys.stderr, flush=True)
        apt_install(packages)
    try:
        jumonc_real.environment()
    except jumonc_real.InstallFailed as exc:  # the test that needs it says the same
        print(exc, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
