"""The environments that real hooks of three Slurm versions saw, recorded once, as test input."""

from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = ("22.05", "24.11", "26.05")


@dataclass(frozen=True)
class Capture:
    """One call of a hook: its name in slurm.conf and its environment."""

    hook: str
    environ: dict[bytes, bytes]

    @property
    def context(self) -> str:
        return self.environ[b"SLURM_SCRIPT_CONTEXT"].decode()


def captured(version: str, story: str) -> list[Capture]:
    """Return the calls of one story (single, array, multinode, gres, cancelled, requeued) in order."""
    text = (FIXTURES / f"hook-env-{version}" / f"{story}.txt").read_text()
    calls = []
    for block in text.split("===== ")[1:]:
        lines = block.splitlines()
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        environ = {name.encode(): value.encode() for name, sep, value in pairs if sep}
        calls.append(Capture(lines[0].partition("-")[0], environ))
    return [call for call in calls if not call.hook.startswith("Srun")]
