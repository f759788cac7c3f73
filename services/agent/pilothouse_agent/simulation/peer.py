"""Who is at the other end of the socket: what the kernel says, never what the program says.

SO_PEERCRED: unix(7). Start time of a process: proc_pid_stat(5), field 22; boot time: proc_stat(5).
"""

import os
import pwd
import re
import socket
import struct
from collections.abc import Callable
from hashlib import blake2b

from pilothouse_common.errors import Malformed

from pilothouse_agent.host import Host
from pilothouse_agent.simulation.run import Identity

_UCRED = struct.Struct("3i")
JobOfPid = Callable[[int], int | None]


def node_word(cluster: str, hostname: str) -> str:
    """Return the first part of the run ids of a node."""
    return blake2b(f"{cluster}/{hostname}".encode(), digest_size=6).hexdigest()


class Peers:
    """Makes identities.

    Args:
        host: Whose /proc says what processes are.
        cluster: Name of the cluster.
        hostname: Name of the node.
        job_of: Returns the job of a process.
    """

    def __init__(self, host: Host, *, cluster: str, hostname: str, job_of: JobOfPid) -> None:
        self._host = host
        self._job_of = job_of
        self.word = node_word(cluster, hostname)
        self._boot = host.read("proc/sys/kernel/random/boot_id")
        self._users: dict[int, str] = {}
        stat = re.search(r"^btime (\d+)", host.read("proc/stat"), re.MULTILINE)
        self._boot_seconds = int(stat[1]) if stat else 0

    def uid_of(self, connection: socket.socket) -> int:
        """Return the user who connected."""
        return self._credentials(connection)[1]

    def identify(
        self, connection: socket.socket, *, name: str, rank: int | None, claimed_job: int | None
    ) -> Identity:
        """Return who a simulation is.

        A job that it claims counts only where its cgroup does not tell, and only for the agent's own
        user: an agent inside a job believes its owner.

        Raises:
            Malformed: Its process cannot be seen from here.
        """
        pid, uid = self._credentials(connection)
        ticks = self.start_ticks(pid)
        if ticks is None:
            raise Malformed("the agent cannot see your process (another PID namespace?)")
        job_id = self._job_of(pid)
        if job_id is None and uid == os.geteuid():
            job_id = claimed_job or None
        key = f"{self._boot}/{pid}/{ticks}/{name}".encode()
        return Identity(
            run_id=f"{self.word}.{blake2b(key, digest_size=8).hexdigest()}",
            name=name,
            pid=pid,
            uid=uid,
            user=self._user(uid),
            start_seconds=self._boot_seconds + ticks / os.sysconf("SC_CLK_TCK"),
            start_ticks=ticks,
            job_id=job_id,
            rank=rank,
        )

    def start_ticks(self, pid: int) -> int | None:
        """Return when a process started, in clock ticks since boot; None: there is none."""
        text = self._host.read(f"proc/{pid}/stat") if pid > 0 else ""
        fields = text.rpartition(")")[2].split()
        if len(fields) < 20 or fields[0] in ("Z", "X"):
            return None
        return int(fields[19])

    def _user(self, uid: int) -> str:
        if uid not in self._users:
            try:
                self._users[uid] = pwd.getpwuid(uid).pw_name
            except KeyError:
                self._users[uid] = f"#{uid}"
        return self._users[uid]

    def _credentials(self, connection: socket.socket) -> tuple[int, int]:
        packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        pid, uid, _gid = _UCRED.unpack(packed)
        return pid, uid
