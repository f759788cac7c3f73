"""Where the socket is: below directories that only its owner can write to, or where a setting says."""

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from pilothouse_common.errors import ConfigError

MAX_PATH_BYTES = 107  # sun_path of unix(7), less its NUL
AUTO = "auto"
_SETTING = "PILOTHOUSE_SIMULATION_SOCKET"


def socket_path(setting: str, environ: Mapping[str, str], uid: int) -> Path:
    """Return the path that a setting means.

    Args:
        setting: A path, or ``auto``: ``pilothouse/<job>.sock`` below XDG_RUNTIME_DIR, else below
            TMPDIR or /tmp in a directory named after the user; ``<job>`` is SLURM_JOB_ID or ``none``.
        environ: The environment.
        uid: Of this process.
    """
    if setting != AUTO:
        return Path(setting)
    job = environ.get("SLURM_JOB_ID", "")
    name = f"{job if job.isdecimal() else 'none'}.sock"
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.path.isdir(runtime):
        return Path(runtime) / "pilothouse" / name
    return Path(environ.get("TMPDIR") or "/tmp") / f"pilothouse-{uid}" / name  # noqa: S108 checked by listen()


def listen(path: Path, *, private: bool) -> socket.socket:
    """Return a listening socket that does not block, in a directory that is made when it is missing.

    Args:
        path: Where. A socket that nobody listens on any more is replaced.
        private: Only its own user may connect; the directory must then be that user's alone.

    Raises:
        ConfigError: It cannot be there, or another agent has it.
    """
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise ConfigError(f"{_SETTING}: {path} has more than {MAX_PATH_BYTES} bytes")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(mode=0o700 if private else 0o755, parents=True, exist_ok=True)
        if private:
            _check_private(path.parent)
        _clear(path)
        listener.bind(os.fspath(path))
        path.chmod(0o600 if private else 0o666)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise ConfigError(f"{_SETTING}: {path}: {exc.strerror or exc}") from exc
    except ConfigError:
        listener.close()
        raise
    return listener


def _check_private(directory: Path) -> None:
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ConfigError(f"{_SETTING}: {directory} is not this user's own directory")


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens on."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigError(f"{_SETTING}: {path} is there and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as exc:
            raise ConfigError(f"{_SETTING}: {path}: {exc.strerror or exc}") from exc
    raise ConfigError(f"{_SETTING}: another agent listens on {path}")
