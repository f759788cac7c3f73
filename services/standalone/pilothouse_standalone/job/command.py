"""``pilothouse-standalone job``: opens the port of rank 0, then loads the rest.

Who connects while MPI starts and the stores are opened waits for an answer instead of being refused.
"""

import os
import socket
import sys
from collections.abc import Callable

from pilothouse_agent.ranks import launched_ranks
from pilothouse_api.listening import open_socket
from pilothouse_common.errors import ConfigError

from pilothouse_standalone.job.guard import split
from pilothouse_standalone.job.options import JobOptions


def run_job(options: JobOptions) -> int:
    """Run one rank; return the exit code: 0 stopped as asked, 1 failed, 2 an option is wrong."""
    os.umask(0o077)  # databases and tokens are for nobody else on this node
    rank, size = launched_ranks()
    if size == 1:
        return _one_line(lambda: _alone(options))
    joined = split(rank)
    if isinstance(joined, int):
        return joined
    code = _one_line(
        lambda: _root(options, size) if rank == 0 else _worker(options, rank, size, joined)
    )
    sys.stdout.flush()
    sys.stderr.flush()
    # The interpreter's own end would wait for MPI's threads, and so for a lost rank.
    os._exit(code)


def _one_line(work: Callable[[], int]) -> int:
    try:
        return work()
    except ConfigError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2


def _alone(options: JobOptions) -> int:
    listening = _listen(options)
    from pilothouse_standalone.job.rank import run_alone

    return run_alone(options, listening)


def _root(options: JobOptions, size: int) -> int:
    try:
        listening = _listen(options)
    except ConfigError as exc:
        from pilothouse_standalone.job.rank import refuse

        refuse(size, str(exc))
        raise
    from pilothouse_standalone.job.rank import run_root

    return run_root(options, size, listening)


def _worker(options: JobOptions, rank: int, size: int, joined: Callable[[], None]) -> int:
    from pilothouse_standalone.job.rank import run_worker

    return run_worker(options, rank, size, joined)


def _listen(options: JobOptions) -> socket.socket:
    return open_socket(options.host, options.port, option="--host {host} --port {port}")
