"""Settings of the agent: each is ``PILOTHOUSE_<NAME>`` in the environment, or in the table ``[agent]``."""

import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.settings import ProcessSettings

from pilothouse_agent.collectors.port import (
    COUNTERS_LOCK,
    EXCLUDED_DEVICES,
    EXCLUDED_INTERFACES,
    EXCLUDED_MOUNTS,
    LIKWID_PROGRAM,
    CounterSource,
    CpuLevel,
    JobDetail,
    Options,
)
from pilothouse_agent.host import STATE_DIR, Host


class AgentSettings(ProcessSettings, frozen=True, kw_only=True):
    """What the agent collects, how often, and where messages wait."""

    hostname: Annotated[
        str, Meta(description="name of this node, as in Slurm; empty: the machine's short name")
    ] = ""
    interval_seconds: Annotated[
        float,
        Meta(
            ge=0.1,
            le=3600,
            description="time between messages, at whole multiples on the wall clock; samples are "
            "told in whole seconds",
        ),
    ] = 10.0
    deadline_seconds: Annotated[
        float,
        Meta(gt=0, le=600, description="time after which the others go on without a collector"),
    ] = 2.0
    collectors: Annotated[
        tuple[str, ...],
        Meta(description="collectors to use, see pilothouse-agent --list; empty: all available"),
    ] = ()
    collector_intervals: Annotated[
        dict[str, Annotated[float, Meta(gt=0, le=86400)]],
        Meta(
            description="own interval of a collector in seconds, NAME=SECONDS between commas; it is "
            "rounded to whole multiples of INTERVAL_SECONDS, which the others have; exec:NAME and "
            "file:NAME are the site's own"
        ),
    ] = field(default_factory=dict)
    exec_collectors: Annotated[
        dict[str, str],
        Meta(
            description="the site's own commands, NAME=COMMAND between commas (in the file: a table); "
            "what they print, in line protocol or OpenMetrics, is told; see docs/collectors.md"
        ),
    ] = field(default_factory=dict)
    exec_deadline_seconds: Annotated[
        float,
        Meta(gt=0, le=3600, description="time after which a command and its children are killed"),
    ] = 10.0
    file_collectors: Annotated[
        dict[str, str],
        Meta(
            description="files that the site's own programs write, NAME=PATH between commas; of a "
            "directory all *.prom and *.lines files are told"
        ),
    ] = field(default_factory=dict)
    file_max_age_seconds: Annotated[
        float, Meta(gt=0, description="age above which such a file is refused: its writer stopped")
    ] = 3600.0
    collector_plugins: Annotated[
        tuple[str, ...],
        Meta(description="installed entry points of the group pilothouse.collectors to load"),
    ] = ()
    plugins: Annotated[
        tuple[str, ...],
        Meta(
            description="installed entry points of the group pilothouse.plugins to load; docs/plugins.md"
        ),
    ] = ()
    cpu_levels: Annotated[
        tuple[CpuLevel, ...],
        Meta(description="levels of the CPU metrics: node, socket, hwthread (many series)"),
    ] = ("node", "socket")
    detail: Annotated[
        Literal["standard", "all"],
        Meta(description="standard, or all: every field of the files that are read (many series)"),
    ] = "standard"
    job_detail: Annotated[
        JobDetail,
        Meta(
            description="whose cgroups are told: of each job, of its steps too, of their tasks too"
        ),
    ] = "job"
    job_processes: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="how many processes of each job are told, those with most CPU time and those with "
            "most memory; 0: only sums",
        ),
    ] = 0
    exclude_devices: Annotated[
        tuple[str, ...],
        Meta(description="block devices left out: regular expressions of whole names"),
    ] = EXCLUDED_DEVICES
    exclude_mounts: Annotated[
        tuple[str, ...],
        Meta(description="mount points left out: regular expressions of whole paths"),
    ] = EXCLUDED_MOUNTS
    exclude_interfaces: Annotated[
        tuple[str, ...], Meta(description="interfaces left out: regular expressions of whole names")
    ] = EXCLUDED_INTERFACES
    counters: Annotated[
        CounterSource,
        Meta(
            description="who reads the CPU's hardware counters: perf (the kernel's perf events, shared "
            "with users' profilers by turns), likwid (likwid-perfctr, if installed) or off"
        ),
    ] = "perf"
    counters_lock: Annotated[
        str,
        Meta(
            description="LIKWID's lock file: while another than root owns it, the hardware counters are "
            "left to that user"
        ),
    ] = COUNTERS_LOCK
    likwid_group: Annotated[
        str,
        Meta(pattern="^[A-Za-z0-9_]{1,64}$", description="performance group that LIKWID measures"),
    ] = "MEM_DP"
    likwid_program: Annotated[
        str,
        Meta(
            pattern="^/",
            description="path of likwid-perfctr; other users must not be able to change it",
        ),
    ] = LIKWID_PROGRAM
    host_root: Annotated[
        str, Meta(description="where the node's / is seen (in a container: where it is mounted)")
    ] = "/"
    spool_dir: Annotated[
        str,
        Meta(
            description="directory for messages that the broker cannot take now; what hooks of this "
            "node put there is sent too; empty: none"
        ),
    ] = "/var/spool/pilothouse"
    spool_bytes: Annotated[
        int, Meta(ge=1 << 20, description="bound of the spool in bytes: then the oldest samples go")
    ] = 1 << 30
    hook_spool_dir: Annotated[
        str,
        Meta(description="spool that hooks write into, if it is another one; it is sent too"),
    ] = ""

    state_dir: Annotated[
        str,
        Meta(
            description="directory below the node's / where Slurm's prolog notes the jobs of this node, "
            "as in the hook's own configuration"
        ),
    ] = STATE_DIR

    def host(self) -> Host:
        """Return the node to observe."""
        return Host(Path(self.host_root), node_name=self.node_name(), state_dir=self.state_dir)

    simulation_socket: Annotated[
        str,
        Meta(
            description="Unix socket on which simulations expose variables and functions "
            "(docs/steering.md): a path that all users of the node may connect to, or `auto`: this "
            "user's own, where simulations of the same job look for it; empty: none"
        ),
    ] = ""

    def node_name(self) -> str:
        """Return the name of this node."""
        return self.hostname or socket.gethostname().partition(".")[0]

    def options(self) -> Options:
        """Return what collectors are told.

        Raises:
            ConfigError: Something is not a regular expression.
        """
        return Options(
            cpu_levels=self.cpu_levels,
            all_fields=self.detail == "all",
            job_detail=self.job_detail,
            job_processes=self.job_processes,
            exclude_devices=_pattern("EXCLUDE_DEVICES", self.exclude_devices),
            exclude_mounts=_pattern("EXCLUDE_MOUNTS", self.exclude_mounts),
            exclude_interfaces=_pattern("EXCLUDE_INTERFACES", self.exclude_interfaces),
            counters=self.counters,
            counters_lock=self.counters_lock,
            likwid_group=self.likwid_group,
            likwid_program=self.likwid_program,
            deadline_seconds=self.deadline_seconds / 2,
        )


def _pattern(name: str, expressions: Iterable[str]) -> re.Pattern[str]:
    for expression in expressions:
        try:
            re.compile(expression)
        except re.error as exc:
            raise ConfigError(
                f"PILOTHOUSE_{name}: {expression!r} is not a regular expression: {exc}"
            ) from exc
    return re.compile("|".join(f"(?:{e})" for e in expressions) or r"(?!)")
