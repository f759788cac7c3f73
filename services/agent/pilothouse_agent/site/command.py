"""Runs one program of the site: no shell, clean environment, bounded time and output.

The program is the leader of a session of its own. Whatever of its process group is still there when it
ends, or when its time is over, is killed. What leaves the group on purpose is not followed: the bound
for that is the agent's own (``TasksMax`` and ``MemoryMax`` in its systemd unit).
"""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from selectors import EVENT_READ, BaseSelector, DefaultSelector

from pilothouse_agent.site.problem import SiteProblem
from pilothouse_agent.site.trust import check_trusted

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
"""All that a command sees of the environment: the agent's own holds secrets."""
LIMIT_BYTES = 1 << 20
CHUNK_BYTES = 16 << 10
LOOK_SECONDS = 0.05
WORDS_BYTES = 200


class Command:
    """One program with its arguments.

    Args:
        argv: The first is the absolute path of the program.
        deadline_seconds: How long it may run.
    """

    def __init__(self, argv: Sequence[str], *, deadline_seconds: float) -> None:
        self._argv = list(argv)
        self._deadline = deadline_seconds
        self._group = 0

    def output(self) -> bytes:
        """Run it and return what it printed.

        Waits for ever when the kernel cannot end it: call it where that hurts nobody.

        Raises:
            SiteProblem: It may not or cannot be run, failed, took too long or printed too much.
        """
        check_trusted(self._argv[0])
        try:
            process = subprocess.Popen(  # noqa: S603 no shell, and only what check_trusted lets pass
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as exc:
            raise SiteProblem(f"{self._argv[0]}: {exc.strerror}") from exc
        self._group = process.pid
        with process:
            try:
                text, words = self._read(process)
            finally:
                self.kill()
                process.wait()
                self._group = 0
        if process.returncode:
            raise SiteProblem(f"{_ending(process.returncode)}{words and ': '}{words}")
        return text

    def kill(self) -> None:
        """End it and its group now, if it runs."""
        if self._group:
            with suppress(ProcessLookupError):  # it has ended by itself, and left nothing behind
                os.killpg(self._group, signal.SIGKILL)

    def _read(self, process: subprocess.Popen[bytes]) -> tuple[bytes, str]:
        """Return its output and the first line of its errors, once it has ended."""
        until = time.monotonic() + self._deadline
        out, err = bytearray(), bytearray()
        with DefaultSelector() as selector:
            for pipe, told in ((process.stdout, out), (process.stderr, err)):
                assert pipe is not None
                selector.register(pipe, EVENT_READ, told)
            while selector.get_map():
                ended = process.poll() is not None
                quiet = not _take(selector)
                if len(out) + len(err) > LIMIT_BYTES:
                    raise SiteProblem(f"printed more than {LIMIT_BYTES} bytes, and was killed")
                if ended and quiet:
                    break  # something that it left behind holds the pipes
                if time.monotonic() > until:
                    raise SiteProblem(self._late())
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired as exc:
            raise SiteProblem(self._late()) from exc
        words = bytes(err).strip().split(b"\n", 1)[0][:WORDS_BYTES]
        return bytes(out), words.decode(errors="replace")

    def _late(self) -> str:
        return f"did not end within {self._deadline:g} s, and was killed"


def _take(selector: BaseSelector) -> bool:
    """Read what is there now, for a moment; tell whether there was anything."""
    ready = selector.select(LOOK_SECONDS)
    for key, _ in ready:
        chunk = os.read(key.fd, CHUNK_BYTES)
        key.data.extend(chunk)
        if not chunk:
            selector.unregister(key.fileobj)
    return bool(ready)


def _ending(status: int) -> str:
    if status > 0:
        return f"exit status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"
