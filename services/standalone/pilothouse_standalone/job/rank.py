"""One rank at work: what command.py starts once the port of rank 0 is open."""

import os
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pilothouse_agent.ranks import MpiRanks
from pilothouse_agent.settings import AgentSettings
from pilothouse_common.broker.ranks.frames import Hello
from pilothouse_common.broker.ranks.loop import RankLoop
from pilothouse_common.errors import BrokerUnavailable, ConfigError
from pilothouse_common.runtime.service import quick_start, run

from pilothouse_standalone.agent import agent_settings
from pilothouse_standalone.job.allocation import Allocation, read_allocation
from pilothouse_standalone.job.guard import EXIT_ROOT_LOST
from pilothouse_standalone.job.options import JobOptions

if TYPE_CHECKING:
    from pilothouse_standalone.job.root import Ranks, Root

MEET_SECONDS = 60.0
_FINISH_SECONDS = 2.0
_QUEUED_AT_ROOT = 1024
_QUEUED_AT_WORKER = 4
"""A batch that rank 0 does not take is given again later: more of them would only be duplicates."""
_TOLD = 2
"""Exit code of a worker when rank 0 cannot start and says why itself."""


def run_alone(options: JobOptions, listening: socket.socket) -> int:
    """Serve this node only; return the exit code.

    Raises:
        ConfigError: An option makes no sense, or the directory cannot be used.
    """
    return run(_open_root(options, listening, None))


def refuse(size: int, problem: str) -> None:
    """Tell the other ranks that rank 0 cannot start; they end with exit code 2, too."""
    loop = _loop(Hello(_hostname(), problem), _QUEUED_AT_ROOT)
    _meet(loop, size)
    loop.leave("finish", _FINISH_SECONDS)


def run_root(options: JobOptions, size: int, listening: socket.socket) -> int:
    """Work as rank 0 until told to stop; return the exit code.

    Raises:
        ConfigError: See run_alone, or MPI cannot be used.
    """
    facts = {"cluster": _allocation(options).cluster}
    loop = _loop(Hello(_hostname(), "", facts), _QUEUED_AT_ROOT)
    with quick_start():
        from pilothouse_standalone.job.root import Ranks  # while MPI starts in its thread

    nodes = list(dict.fromkeys(hello.hostname for hello in _meet(loop, size)))
    return run(_open_root(options, listening, Ranks(loop, nodes, size)))


def run_worker(options: JobOptions, rank: int, size: int, joined: Callable[[], None]) -> int:
    """Work as another rank until rank 0 ends; ``joined`` is called when all have met.

    Raises:
        ConfigError: MPI cannot be used.
    """
    from pilothouse_standalone.job.worker import Worker

    loop = _loop(Hello(_hostname()), _QUEUED_AT_WORKER)
    hellos = _meet(loop, size)
    if hellos[0].problem:
        loop.leave("finish", _FINISH_SECONDS)
        return _TOLD
    joined()
    names = [hello.hostname for hello in hellos]
    first_of_its_node = names.index(names[rank]) == rank
    settings = _agent_settings(options, hellos[0].facts["cluster"]) if first_of_its_node else None
    worker = Worker(loop, settings)
    code = run(worker)
    return EXIT_ROOT_LOST if worker.root_lost else code


def _open_root(options: JobOptions, listening: socket.socket, ranks: "Ranks | None") -> "Root":
    allocation = _allocation(options)
    with quick_start():
        from pilothouse_standalone.job.root import Root  # heavy: the port is open by now

        root = Root(
            options,
            allocation=allocation,
            listening=listening,
            agent=_agent_settings(options, allocation.cluster),
            ranks=ranks,
        )
    sys.stdout.write(root.welcome() + "\n")
    sys.stdout.flush()
    return root


def _loop(hello: Hello, max_queued: int) -> RankLoop:
    return RankLoop(MpiRanks, hello, max_queued=max_queued)


def _meet(loop: RankLoop, size: int) -> Sequence[Hello]:
    try:
        hellos = loop.meet(MEET_SECONDS)
    except BrokerUnavailable as exc:
        raise ConfigError(str(exc)) from exc
    if len(hellos) != size:
        raise ConfigError(
            f"MPI: the launcher started {size} ranks, but the MPI library sees {len(hellos)}: mpi4py "
            "has loaded another library than the launcher's (with srun: --mpi=pmix or --mpi=pmi2)"
        )
    return hellos


def _allocation(options: JobOptions) -> Allocation:
    return read_allocation(os.environ, datetime.now(UTC), options.cluster)


def _hostname() -> str:
    """Return this node's name: as somebody said, as Slurm knows it, or the machine's short name."""
    named = os.environ.get("PILOTHOUSE_HOSTNAME") or os.environ.get("SLURMD_NODENAME")
    return named or socket.gethostname().partition(".")[0]


def _agent_settings(options: JobOptions, cluster: str) -> AgentSettings:
    return agent_settings(
        cluster=cluster,
        hostname=_hostname(),
        broker_url="mpi:",
        simulation_socket=os.environ.get("PILOTHOUSE_SIMULATION_SOCKET", "auto"),
        interval_seconds=options.interval_seconds,
        spool_dir="",
    )
