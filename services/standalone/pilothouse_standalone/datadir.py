"""The directory that a standalone process owns: databases, spool, keys; one process at a time."""

import fcntl
import os
import secrets
from pathlib import Path

from pilothouse_common.errors import ConfigError


class DataDir:
    """Creates and locks a directory; files with secrets are readable by their owner only.

    Args:
        path: Where.
        mode: Of the directory. Slurm's users start the hooks in it, so others may enter; what is in it
            is closed to them.

    Raises:
        ConfigError: It cannot be written, or another process uses it.
    """

    def __init__(self, path: Path, *, mode: int = 0o755) -> None:
        self.path = path.resolve()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(mode)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise ConfigError(f"--data {path}: {exc.strerror}") from exc
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(self._lock)
            raise ConfigError(
                f"--data {path}: another pilothouse-standalone uses it; stop it or choose another directory"
            ) from exc

    @property
    def records_url(self) -> str:
        """The record store's URL."""
        return f"sqlite:///{self.path}/records.sqlite"

    @property
    def samples_url(self) -> str:
        """The sample store's URL."""
        return f"duckdb:///{self.path}/samples.duckdb"

    @property
    def spool(self) -> Path:
        """Where messages wait that could not be stored."""
        return self.path / "spool"

    @property
    def hooks(self) -> Path:
        """Where the hooks of a local Slurm are installed."""
        return self.path / "hooks"

    @property
    def hook_spool(self) -> Path:
        """Where they hand over."""
        return self.hooks / "spool"

    @property
    def job_notes(self) -> Path:
        """Where their prolog notes the jobs of this node."""
        return self.hooks / "state"

    def token_key(self) -> str:
        """Return the key that signs tokens, made at the first call."""
        path = self.path / "token.key"
        if not path.exists():
            self.write_secret("token.key", secrets.token_hex(32))
        return path.read_text(encoding="utf-8").strip()

    def write_secret(self, name: str, text: str) -> Path:
        """Write a file of mode 0600 as one step; return its path."""
        path = self.path / name
        temporary = self.path / f".{name}.{os.getpid()}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        return path

    def close(self) -> None:
        """Give the directory up."""
        os.close(self._lock)
