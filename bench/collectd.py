"""A collectd for comparison: its plugins for what the agent reads too, sent by UDP in its own protocol.

Left out is what would not be fair: `processes` and `tcpconns` read every process and connection.
"""

import socket
from pathlib import Path

from tests.support.process import Program
from tests.support.provide import program

PACKAGES = ("collectd-core", "librabbitmq4", "libyajl2")
PLUGINS = (
    "cpu", "memory", "load", "interface", "disk", "df", "vmem", "swap", "protocols", "contextswitch",
    "irq", "uptime", "entropy", "conntrack", "numa", "thermal", "cpufreq", "nfs", "buddyinfo",
    "hugepages",
)  # fmt: skip
_CONFIG = """
BaseDir "{directory}"
PIDFile "{directory}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
Interval {interval}
{load}
<Plugin cpu>
  ReportByCpu true
</Plugin>
<Plugin vmem>
  Verbose true
</Plugin>
<Plugin network>
  Server "127.0.0.1" "{port}"
</Plugin>
<Plugin unixsock>
  SocketFile "{directory}/collectd.sock"
</Plugin>
"""


class Collectd:
    """One collectd that sends to a socket of this process.

    Args:
        directory: For its files.
        interval_seconds: Between values.
    """

    def __init__(self, directory: Path, interval_seconds: float) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listener.bind(("127.0.0.1", 0))
        self._path = directory / "collectd.sock"
        config = directory / "collectd.conf"
        binary = program("collectd", packages=PACKAGES, dirs=("/usr/sbin",))
        there = [p for p in PLUGINS if Path(f"/usr/lib/collectd/{p}.so").exists()]
        config.write_text(
            _CONFIG.format(
                directory=directory,
                interval=interval_seconds,
                port=self._listener.getsockname()[1],
                load="\n".join(f"LoadPlugin {p}" for p in (*there, "network", "unixsock")),
            )
        )
        self.process = Program([binary, "-f", "-C", str(config)], log=directory / "collectd.log")

    def ready(self) -> bool:
        return self._path.exists()

    def count_series(self) -> int:
        """Ask how many values it holds: a list may have several, of which each is one of our series."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self._path))
            stream = client.makefile("rw")
            names = [line.split(None, 1)[1] for line in _ask(stream, "LISTVAL")]
            return sum(len(_ask(stream, f"GETVAL {name}")) for name in names)

    def close(self) -> None:
        self._listener.close()


def _ask(stream, question: str) -> list[str]:
    stream.write(f"{question}\n")
    stream.flush()
    count = int(stream.readline().split()[0])
    return [stream.readline().rstrip("\n") for _ in range(max(count, 0))]
