"""How full the mounted file systems are. Source: proc_pid_mountinfo(5), statvfs(3).

A remote file system whose server is gone hangs whoever asks it: each is asked in a thread of its own,
and told as down when it does not answer in time.
"""

import os
import time
from functools import partial

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.mounts import Mount, one_per_file_system, open_of_init, parse_mounts
from pilothouse_agent.patience import Question

PSEUDO = frozenset(
    {
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs",
        "efivarfs", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal", "fusectl", "hugetlbfs", "iso9660",
        "mqueue", "nsfs", "overlay", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs",
        "squashfs", "sysfs", "tracefs",
    }
)  # fmt: skip
REMOTE = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "nfs", "nfs4", "orangefs", "panfs",
        "smb3", "virtiofs", "wekafs",
    }
)  # fmt: skip


class FilesystemCollector:
    """Asks every real file system once per interval, remote ones all at the same time."""

    name = "filesystem"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._exclude = options.exclude_mounts
        self._deadline = options.deadline_seconds
        self._all = options.all_fields
        self._file = open_of_init(host, "mountinfo")
        self._table = b""
        self._mounts: list[Mount] = []
        self._questions: dict[Mount, Question[os.statvfs_result]] = {}

    def collect(self) -> list[Sample]:
        """Return the fill of each file system, ``stype=filesystem``, by mount point."""
        table = self._file.read()
        if table != self._table:
            self._plan(parse_mounts(table))
            self._table = table
        for question in self._questions.values():
            question.start()
        until = time.monotonic() + self._deadline
        samples: list[Sample] = []
        for mount in self._mounts:
            try:
                fill = self._answer(mount, until)
            except OSError:  # TimeoutError too: told as a metric, every interval
                samples.append(Sample("fs_up", 0, "node", "", "filesystem", mount.point))
            else:
                samples += self._samples(mount, fill)
        return samples

    def close(self) -> None:
        """Close the file and end the threads that do not hang."""
        self._file.close()
        for question in self._questions.values():
            question.close()

    def _plan(self, mounts: list[Mount]) -> None:
        self._mounts = one_per_file_system(filter(self._wanted, mounts))
        questions = {}
        for mount in filter(_may_hang, self._mounts):
            kept = self._questions.pop(mount, None)
            questions[mount] = kept or Question(partial(self._ask, mount))
        for gone in self._questions.values():
            gone.close()
        self._questions = questions

    def _wanted(self, mount: Mount) -> bool:
        return mount.type not in PSEUDO and not self._exclude.fullmatch(mount.point)

    def _answer(self, mount: Mount, until: float) -> os.statvfs_result:
        question = self._questions.get(mount)
        return self._ask(mount) if question is None else question.answer(until)

    def _ask(self, mount: Mount) -> os.statvfs_result:
        return self._host.statvfs(self._host.path(mount.point))

    def _samples(self, mount: Mount, fill: os.statvfs_result) -> list[Sample]:
        block = fill.f_frsize
        values = {
            "fs_up": 1,
            "fs_total": fill.f_blocks * block,
            "fs_used": (fill.f_blocks - fill.f_bfree) * block,
            "fs_free": fill.f_bfree * block,
            "fs_available": fill.f_bavail * block,
            "fs_files": fill.f_files,
            "fs_files_free": fill.f_ffree,
        }
        if self._all:
            values["fs_read_only"] = fill.f_flag & os.ST_RDONLY
        return [Sample(m, v, "node", "", "filesystem", mount.point) for m, v in values.items()]


def _may_hang(mount: Mount) -> bool:
    return mount.type in REMOTE or mount.type.startswith("fuse")
