"""A small parent between the launcher and a rank, so that the loss of a rank does not end the job.

mpirun ends the whole job when a process that it started is killed or ends without MPI_Finalize. It
watches its own children only: the rank is therefore a grandchild, and this parent stays when a worker
rank is lost (out of memory, a crash in a device library). When rank 0 is lost, so is the job. Seen with
Open MPI 4.1 and 5.0: docs/in-job.md.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable

EXIT_ROOT_LOST = 3
"""Exit code of a worker that ended because rank 0 is silent: nothing is left to stay for."""
_OVER = (0, EXIT_ROOT_LOST)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_LOOK_SECONDS = 2.0
_JOINED = b"j"


def split(rank: int) -> int | Callable[[], None]:
    """Fork; in the parent wait and return the exit code.

    Call it before there is a thread, a socket or MPI. When the parent is killed the child gets SIGTERM.

    Returns:
        In the child what it calls when it has met the other ranks: from then on its loss is borne. One
        that never came would keep the others waiting at their start.
    """
    launcher = os.getppid()
    guard_lives, guard = os.pipe()
    news, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(guard)
        os.close(news)
        threading.Thread(target=_follow, args=(guard_lives,), name="guard", daemon=True).start()
        return lambda: _tell(told)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    os.close(guard_lives)
    os.close(told)
    code = _wait(child, launcher)
    if rank == 0 or code is None or code in _OVER or os.read(news, 1) != _JOINED:
        return 1 if code is None else code
    sys.stderr.write(f"pilothouse: rank {rank} is lost ({_how(code)}); the others go on\n")
    sys.stderr.flush()
    _wait(0, launcher)
    return 0


def _wait(child: int, launcher: int) -> int | None:
    """Wait for the end of the child, or for a signal when there is no child; None: for a told end.

    Signals go on to the child. A launcher that is gone counts as one: it would send none any more.
    """
    told = False
    while True:
        if child:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                return None if told and code < 0 else code if code >= 0 else 128 - code
        got = signal.sigtimedwait(_SIGNALS, _LOOK_SECONDS)
        ends = got is not None and got.si_signo != signal.SIGCHLD
        if ends or (os.getppid() != launcher and not told):
            told = True
            if not child:
                return None
            os.kill(child, got.si_signo if ends and got else signal.SIGTERM)


def _how(code: int) -> str:
    return f"killed by signal {code - 128}" if code > 128 else f"exit code {code}"


def _tell(told: int) -> None:
    os.write(told, _JOINED)
    os.close(told)


def _follow(guard_lives: int) -> None:
    """Wait until the parent is gone, which closes the pipe."""
    os.read(guard_lives, 1)
    os.kill(os.getpid(), signal.SIGTERM)
