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
from types import FrameType

EXIT_ROOT_LOST = 3
"""Exit code of a worker that ended because rank 0 is silent: nothing is left to stay for."""
_OVER = (0, EXIT_ROOT_LOST)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_JOINED = b"j"


def split(rank: int) -> int | Callable[[], None]:
    """Fork; in the parent wait and return the exit code.

    Call it before there is a thread, a socket or MPI. When the parent is killed the child gets SIGTERM.

    Returns:
        In the child what it calls when it has met the other ranks: from then on its loss is borne. One
        that never came would keep the others waiting at their start.
    """
    guard_lives, guard = os.pipe()
    news, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(guard)
        os.close(news)
        threading.Thread(target=_follow, args=(guard_lives,), name="guard", daemon=True).start()
        return lambda: _tell(told)
    os.close(guard_lives)
    os.close(told)
    return _Guard(child, rank, news).wait()


class _Guard:
    def __init__(self, child: int, rank: int, news: int) -> None:
        self._child = child
        self._rank = rank
        self._news = news
        self._told = False
        for signum in _SIGNALS:
            signal.signal(signum, self._pass_on)

    def wait(self) -> int:
        _, status = os.waitpid(self._child, 0)
        code = os.waitstatus_to_exitcode(status)
        self._child = 0
        joined = os.read(self._news, 1) == _JOINED
        if self._rank and joined and code not in _OVER and not self._told:
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            sys.stderr.write(f"pilothouse: rank {self._rank} is lost ({how}); the others go on\n")
            sys.stderr.flush()
            signal.sigwait(_SIGNALS)
            return 0
        return code if code >= 0 else 128 - code

    def _pass_on(self, signum: int, _frame: FrameType | None) -> None:
        self._told = True
        if self._child:
            os.kill(self._child, signum)


def _tell(told: int) -> None:
    os.write(told, _JOINED)
    os.close(told)


def _follow(guard_lives: int) -> None:
    """Wait until the parent is gone, which closes the pipe."""
    os.read(guard_lives, 1)
    os.kill(os.getpid(), signal.SIGTERM)
