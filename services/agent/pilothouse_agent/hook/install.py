"""Write the executable that slurm.conf names, with its configuration beside it."""

import compileall
import importlib.util
import os
import re
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pilothouse_common.errors import ConfigError

from pilothouse_agent.hook.bundle import LOADER, NAME, bundle, bundle_name
from pilothouse_agent.hook.config import HookConfig, parse_config

PROGRAM = "pilothouse-hook"
CONFIGURATION = "pilothouse-hook.conf"
SCHEMES = ("spool:", "amqp:", "amqps:", "https:", "http:")
CLUSTER = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,62})?")
_START = "pilothouse-hook.py"

_SHELL = """\
#!/bin/sh
# Written by `pilothouse-hook install`. The exit code is 0 whatever happens: a monitoring fault must
# not drain a node. It writes nothing to stdout, which Slurm interprets for a TaskProlog, and for tasks
# nothing to stderr, which is the job's own output; only the first task of a node may have news, and
# only where the job's user may write the spool.
case $SLURM_SCRIPT_CONTEXT in
*_task) [ "${{SLURM_LOCALID:-0}}" = 0 ] && [ -w {spool} ] && exec 2>/dev/null || exit 0 ;;
esac
{python} -IS {start} >/dev/null || echo "pilothouse-hook: no event, exit code $?" >&2
exit 0
"""
_PYTHON = f"""\
# Written by `pilothouse-hook install`.
{LOADER}from pilothouse_agent.hook.run import main
main({{configuration!r}})
"""
_CONFIGURATION = """\
# Written by `pilothouse-hook install`; see docs/slurm-hooks.md. Lines: name = value.
cluster = {cluster}
broker_url = {broker_url}
spool_dir = {spool_dir}
state_dir = {state_dir}
"""
_SLURM_CONF = """\
PrologSlurmctld={program}
EpilogSlurmctld={program}
Prolog={program}
Epilog={program}
# Prolog on every node when the job starts, rather than at its first step there:
# PrologFlags=Alloc
"""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What to install.

    Attributes:
        directory: Where the three files go; all its parents must be open to SlurmUser and to users.
        cluster: Name of the cluster, or empty for Slurm's own.
        broker_url: Where events go.
        spool_dir: Where they go when the broker does not take them.
        state_dir: Where the prolog of a node notes the job, for the agent.
        python: Interpreter that runs the hook.
    """

    directory: Path
    cluster: str
    broker_url: str
    spool_dir: str
    state_dir: str
    python: Path

    @property
    def program(self) -> Path:
        """What slurm.conf names."""
        return self.directory / PROGRAM

    @property
    def config(self) -> HookConfig:
        """The settings as the hook will read them."""
        return HookConfig(self.cluster, self.broker_url, self.spool_dir, self.state_dir)


def install(wanted: Installation) -> None:
    """Write or replace the files; a hook that starts meanwhile sees the old or the new ones.

    Raises:
        ConfigError: A value cannot be kept in the file, or the directory cannot be written.
    """
    _check_values(wanted)
    configuration = wanted.directory / CONFIGURATION
    start = wanted.directory / _START
    secret = "@" in wanted.broker_url
    try:
        wanted.directory.mkdir(parents=True, exist_ok=True)
        _replace(configuration, _configuration(wanted), 0o600 if secret else 0o644)
        _replace_bytes(wanted.directory / bundle_name(), bundle(), 0o644)
        python = _PYTHON.format(
            paths=_import_paths(),
            bundle=str(wanted.directory / NAME),
            configuration=str(configuration),
        )
        _replace(start, python, 0o644)
        shell = _SHELL.format(
            python=shlex.quote(str(wanted.python)),
            start=shlex.quote(str(start)),
            spool=shlex.quote(f"{wanted.config.spool_dir}/events"),
        )
        _replace(wanted.program, shell, 0o755)
        _make_spool(Path(wanted.config.spool_dir))
    except OSError as exc:
        raise ConfigError(f"cannot install into {wanted.directory}: {exc}") from exc
    compileall.compile_dir(str(Path(__file__).parent), quiet=2)


def slurm_conf_lines(wanted: Installation) -> str:
    """Return what to add to slurm.conf."""
    return _SLURM_CONF.format(program=wanted.program)


def read_installed(directory: Path) -> HookConfig:
    """Return the configuration of an installation.

    Raises:
        ConfigError: There is none, or it is wrong.
    """
    problems: list[str] = []
    path = directory / CONFIGURATION
    try:
        config = parse_config(path.read_text(encoding="utf-8"), {}, problems)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    if problems:
        raise ConfigError(f"{path}: {problems[0]}")
    return config


def _check_values(wanted: Installation) -> None:
    if not CLUSTER.fullmatch(wanted.cluster):
        raise ConfigError(f"--cluster {wanted.cluster!r}: letters, digits, '-' and '_', at most 63")
    if wanted.broker_url and not wanted.broker_url.startswith(SCHEMES):
        raise ConfigError(f"--broker-url must begin with one of {', '.join(SCHEMES)}")
    for name in ("broker_url", "spool_dir", "state_dir"):
        if not str(getattr(wanted, name)).isprintable():
            raise ConfigError(f"--{name.replace('_', '-')}: line breaks cannot be kept")
    if not wanted.config.spool_dir.startswith("/") or set(wanted.config.spool_dir) & set("%?"):
        raise ConfigError("the spool directory must be an absolute path without '%' and '?'")
    if not wanted.config.state_dir.startswith("/"):
        raise ConfigError("the state directory must be an absolute path")


def _configuration(wanted: Installation) -> str:
    return _CONFIGURATION.format(
        cluster=wanted.cluster,
        broker_url=wanted.broker_url,
        spool_dir=wanted.config.spool_dir,
        state_dir=wanted.config.state_dir,
    )


def _import_paths() -> list[str]:
    """Return where our packages and those of the carriers are, since -S leaves site-packages out."""
    paths: list[str] = []
    for name in ("pilothouse_agent", "pilothouse_common", "msgspec", "pika"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            path = str(Path(spec.origin).parent.parent)
            if path not in paths and path not in sys.path[:1]:
                paths.append(path)
    return paths


def _make_spool(spool: Path) -> None:
    for path in (spool, spool / "events"):
        path.mkdir(mode=0o770, exist_ok=True)


def _replace(path: Path, text: str, mode: int) -> None:
    _replace_bytes(path, text.encode(), mode)


def _replace_bytes(path: Path, data: bytes, mode: int) -> None:
    file, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(file, "wb") as out:
            out.write(data)
        Path(temporary).chmod(mode)
        Path(temporary).rename(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
