"""The hook's own small file, because Slurm gives it no environment but SLURM_*.

Lines ``name = value``; ``#`` begins a comment line. PILOTHOUSE_<NAME> in the environment goes before
the file: for tests, Slurm never passes it to the root and SlurmUser contexts.
"""

NAMES = ("cluster", "broker_url", "spool_dir", "state_dir")
DEFAULT_SPOOL_DIR = "/var/spool/pilothouse"
DEFAULT_STATE_DIR = "/run/pilothouse"
DEFAULT_BROKER_URL = f"spool:{DEFAULT_SPOOL_DIR}"


class HookConfig:
    """Settings of the hook.

    Attributes:
        cluster: Name of the cluster; empty: SLURM_CLUSTER_NAME.
        broker_url: Where events go.
        spool_dir: Where they go when that does not work; that of a spool: URL itself.
        state_dir: Where the prolog of a node notes the job, for the agent.
    """

    __slots__ = ("broker_url", "cluster", "spool_dir", "state_dir")

    def __init__(self, cluster: str, broker_url: str, spool_dir: str, state_dir: str) -> None:
        self.cluster = cluster
        self.broker_url = broker_url or f"spool:{spool_dir or DEFAULT_SPOOL_DIR}"
        self.spool_dir = spool_dir or DEFAULT_SPOOL_DIR
        self.state_dir = state_dir or DEFAULT_STATE_DIR
        if self.spools:
            path = self.broker_url.removeprefix("spool:").removeprefix("//")
            self.spool_dir = path.partition("?")[0]

    @property
    def spools(self) -> bool:
        """Whether events go to a directory and no network is touched."""
        return self.broker_url.startswith("spool:")


def parse_config(text: str, environ: dict[bytes, bytes], problems: list[str]) -> HookConfig:
    """Read the file's text; what is wrong in it goes to ``problems`` and is left out."""
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()  # noqa: PLW2901
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or name.strip() not in NAMES:
            problems.append(f"configuration line {number} is not one of {', '.join(NAMES)} = value")
            continue
        values[name.strip()] = value.strip()
    for name in NAMES:
        override = environ.get(f"PILOTHOUSE_{name.upper()}".encode())
        if override:
            values[name] = override.decode("utf-8", "replace")
    return HookConfig(*(values.get(name, "") for name in NAMES))
