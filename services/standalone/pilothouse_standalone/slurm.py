"""Make a local Slurm call our hooks: a marked block in slurm.conf, added and removed as one.

Source: slurm.conf(5), "Prolog and Epilog scripts"; scontrol(1), reconfigure.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pilothouse_common.errors import ConfigError

BEGIN = "# >>> pilothouse: `pilothouse-standalone up --slurm` wrote this, `… unhook` removes it"
END = "# <<< pilothouse"
_TIMEOUT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class LocalSlurm:
    """The Slurm whose controller answers here."""

    conf: Path
    cluster: str
    user: str
    """Slurm's own user (SlurmUser), which runs the controller's hooks."""


def find_slurm() -> LocalSlurm:
    """Ask the controller for its configuration file and cluster name.

    Raises:
        ConfigError: No scontrol, no answering controller, or a configuration that cannot be written.
    """
    shown = _scontrol("show", "config")
    conf = re.search(r"^SLURM_CONF\s*=\s*(\S+)", shown, re.MULTILINE)
    cluster = re.search(r"^ClusterName\s*=\s*(\S+)", shown, re.MULTILINE)
    user = re.search(r"^SlurmUser\s*=\s*([^\s(]+)", shown, re.MULTILINE)
    if conf is None or cluster is None:
        raise ConfigError("--slurm: scontrol show config does not say SLURM_CONF and ClusterName")
    path = Path(conf[1])
    if not os.access(path, os.W_OK):
        raise ConfigError(f"--slurm: {path} cannot be written; run as the user that owns it")
    return LocalSlurm(path, cluster[1], user[1] if user else "root")


def hook_into(slurm: LocalSlurm, lines: str) -> bool:
    """Add the lines that name our hooks (replacing an older block of ours) and tell the controller.

    Returns:
        Whether anything changed. The nodes then use the hooks at once, the controller only from its
        next start: it looks whether there is a PrologSlurmctld once (seen with 22.05).

    Raises:
        ConfigError: The site has hooks of its own, which are never replaced.
    """
    before = slurm.conf.read_text(encoding="utf-8")
    text = _without_block(before)
    names = re.findall(r"^(\w+)=", lines, re.MULTILINE)
    taken = [n for n in names if re.search(rf"^\s*{n}\s*=", text, re.MULTILINE | re.IGNORECASE)]
    if taken:
        raise ConfigError(
            f"--slurm: {slurm.conf} already sets {', '.join(taken)}; add ours by hand:\n{lines}"
        )
    after = f"{text.rstrip()}\n{BEGIN}\n{lines.strip()}\n{END}\n"
    if after == before:
        return False
    _replace(slurm.conf, after)
    _scontrol("reconfigure")
    return True


def unhook(slurm: LocalSlurm) -> bool:
    """Remove our block; return whether there was one."""
    text = slurm.conf.read_text(encoding="utf-8")
    if BEGIN not in text:
        return False
    _replace(slurm.conf, _without_block(text))
    _scontrol("reconfigure")
    return True


def _without_block(text: str) -> str:
    return re.sub(
        rf"^{re.escape(BEGIN)}$.*?^{re.escape(END)}$\n?", "", text, flags=re.MULTILINE | re.DOTALL
    )


def _replace(path: Path, text: str) -> None:
    status = path.stat()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(temporary, status.st_mode & 0o777)
    os.chown(temporary, status.st_uid, status.st_gid)
    os.replace(temporary, path)


def _scontrol(*arguments: str) -> str:
    program = shutil.which("scontrol")
    if program is None:
        raise ConfigError("--slurm: scontrol is not on PATH; is Slurm installed on this host?")
    try:
        done = subprocess.run(  # noqa: S603 fixed arguments, no shell
            [program, *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise ConfigError(
            f"--slurm: scontrol {arguments[0]} gave no answer in {_TIMEOUT_SECONDS} s"
        ) from exc
    if done.returncode != 0:
        raise ConfigError(f"--slurm: scontrol {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
