"""Asks a program again and again, by lines, through one process that is kept."""

import os
import select
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

CHUNK_BYTES = 64 << 10
LIMIT_BYTES = 1 << 20
REAP_SECONDS = 1.0


class Dialogue:
    """A program that reads requests from its standard input and answers on its output.

    One process serves all questions; one that does not answer in time is killed, and no second one is
    started before it has ended (a process that hangs in the kernel does not end).

    Args:
        command: Program, absolute, and arguments; nothing is searched, no shell is involved.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._killed: subprocess.Popen[bytes] | None = None

    def ask(self, request: bytes, last: bytes, until: float) -> list[bytes]:
        """Return the lines of the answer, up to the first that begins with ``last``.

        Args:
            request: Lines, with their ends.
            last: How the answer's last line begins.
            until: Deadline, as ``time.monotonic`` tells it.

        Raises:
            TimeoutError: No whole answer before the deadline, or an earlier process has not ended.
            OSError: The program could not be started, or ended; with what it said.
            ValueError: The answer is larger than any.
        """
        process = self._running()
        try:
            return self._converse(process, request, last, until)
        except (OSError, ValueError):
            self._kill()
            raise

    def close(self) -> None:
        """End the process, if it can be ended."""
        self._kill()
        if self._killed is not None:
            with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel: init inherits it
                self._killed.wait(REAP_SECONDS)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._killed is not None:
            if self._killed.poll() is None:
                raise TimeoutError(
                    f"{self._command[0]}: a process of it was killed and does not end"
                )
            self._killed = None
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 a fixed path
                self._command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )
        return self._process

    def _converse(
        self, process: subprocess.Popen[bytes], request: bytes, last: bytes, until: float
    ) -> list[bytes]:
        assert process.stdin is not None
        assert process.stdout is not None
        answer = process.stdout.fileno()
        poll = select.poll()
        poll.register(answer, select.POLLIN | select.POLLHUP)
        said = b""
        with suppress(BrokenPipeError):  # it has ended: what it said comes first
            process.stdin.write(request)
        while True:
            wait_seconds = until - time.monotonic()
            if wait_seconds <= 0 or not poll.poll(wait_seconds * 1000):
                raise TimeoutError(f"{self._command[0]}: no answer in time")
            chunk = os.read(answer, CHUNK_BYTES)
            said += chunk
            if not chunk:
                words = said.decode(errors="replace").strip()[-200:]
                raise OSError(f"{self._command[0]} ended: {words or 'it said nothing'}")
            if len(said) > LIMIT_BYTES:
                raise ValueError(f"{self._command[0]}: an answer of more than {LIMIT_BYTES} bytes")
            lines = said.split(b"\n")[:-1]
            if any(line.startswith(last) for line in lines):
                return lines

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._killed = process
