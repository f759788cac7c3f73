"""Where the agent's socket is, as the agent itself chooses it."""

import os
import stat
from collections.abc import Mapping

NODE_SOCKET = "/run/pilothouse/simulation.sock"


def find_socket(environ: Mapping[str, str]) -> str:
    """Return the path of the socket, or "" when there is none.

    PILOTHOUSE_SOCKET, else that of an agent of this user in this job, else that of the node's agent.
    """
    told = environ.get("PILOTHOUSE_SOCKET")
    if told is not None:
        return told
    job = environ.get("SLURM_JOB_ID", "")
    name = f"{job if job.isdecimal() else 'none'}.sock"
    uid = os.geteuid()
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    directories = [os.path.join(runtime, "pilothouse")] if runtime else []
    directories.append(os.path.join(environ.get("TMPDIR") or "/tmp", f"pilothouse-{uid}"))  # noqa: S108 _is_ours() looks
    for directory in directories:
        path = os.path.join(directory, name)
        if _is_ours(directory, uid) and os.path.exists(path):
            return path
    return NODE_SOCKET if os.path.exists(NODE_SOCKET) else ""


def _is_ours(directory: str, uid: int) -> bool:
    """Tell whether nobody else can have put a socket there."""
    try:
        found = os.lstat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o022
