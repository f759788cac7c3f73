"""Reads one file of the site, or every ``*.prom`` and ``*.lines`` file of a directory."""

import os
import stat

from pilothouse_agent.host import Host
from pilothouse_agent.site.problem import SiteProblem
from pilothouse_agent.site.text import parse
from pilothouse_agent.site.value import Value

ENDINGS = (".prom", ".lines")
LIMIT_BYTES = 1 << 20
MAX_FILES = 100


class Files:
    """What other programs of this node leave for the agent to tell.

    Args:
        host: Where its path is.
        path: File or directory.
        max_age_seconds: A file that was written longer ago is refused: its writer has stopped.
    """

    def __init__(self, host: Host, path: str, *, max_age_seconds: float) -> None:
        self._host = host
        self._path = host.path(path)
        self._max_age = max_age_seconds

    def values(self) -> tuple[list[Value], str]:
        """Return what the files say, and what is wrong with the first of those that are refused."""
        values: list[Value] = []
        problem = ""
        try:
            for path in self._paths():
                try:
                    values += parse(self._read(path))
                except (SiteProblem, OSError) as exc:
                    problem = problem or f"{path}: {_words(exc)}"
        except (SiteProblem, OSError) as exc:
            problem = f"{self._path}: {_words(exc)}"
        return values, problem

    def _paths(self) -> list[str]:
        if not os.path.isdir(self._path):
            return [self._path]
        names = sorted(name for name in os.listdir(self._path) if name.endswith(ENDINGS))
        if len(names) > MAX_FILES:
            raise SiteProblem(f"{len(names)} files, at most {MAX_FILES} are read")
        return [os.path.join(self._path, name) for name in names]

    def _read(self, path: str) -> str:
        """Return its text, and wait for no pipe or device.

        No link in a directory is followed: others may write there, and the agent may be root.
        """
        follow = 0 if path == self._path else os.O_NOFOLLOW
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | follow)
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SiteProblem("no regular file")
            age = self._host.clock.now().timestamp() - status.st_mtime
            if age > self._max_age:
                raise SiteProblem(f"written {age:.0f} s ago, at most {self._max_age:g} s are told")
            data = file.read(LIMIT_BYTES + 1)
        if len(data) > LIMIT_BYTES:
            raise SiteProblem(f"larger than {LIMIT_BYTES} bytes")
        return data.decode(errors="replace")


def _words(exc: Exception) -> str:
    return (exc.strerror or str(exc)) if isinstance(exc, OSError) else str(exc)
