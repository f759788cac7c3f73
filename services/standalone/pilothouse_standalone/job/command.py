"""``pilothouse-standalone job``: the composition root of one rank."""

import os
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pilothouse_agent.ranks import MpiRanks, launched_ranks
from pilothouse_agent.settings import AgentSettings
from pilothouse_api.listening import open_socket
from pilothouse_common.broker.ranks.frames import Hello
from pilothouse_common.broker.ranks.loop import RankLoop
from pilothouse_common.errors import BrokerUnavailable, ConfigError
from pilothouse_common.runtime.service import run
from pilothouse_common.runtime.settings import load

from pilothouse_standalone.job.allocation import Allocation, read_allocation
from pilothouse_standalone.job.guard import EXIT_ROOT_LOST, split
from pilothouse_standalone.job.options import JobOptions

if TYPE_CHECKING:
    from pilothouse_standalone.job.root import Ranks, Root

MEET_SECONDS = 60.0
_FINISH_SECONDS = 2.0
_QUEUED_AT_ROOT = 1024
_QUEUED_AT_WORKER = 4
"""A batch that rank 0 does not take is given again later: more of them would only be duplicates."""


def run_job(options: JobOptions) -> int:
    """Run one rank; return the exit code: 0 stopped as asked, 1 failed, 2 an option is wrong."""
    os.umask(0o077)  # databases and tokens are for nobody else on this node
    rank, size = launched_ranks()
    if size == 1:
        return _one_line(lambda: run(_open_root(options, _listen(options), None)))
    joined = split(rank)
    if isinstance(joined, int):
        return joined
    code = _one_line(
        lambda: _run_root(options, size) if rank == 0 else _run_worker(options, rank, size, joined)
    )
    sys.stdout.flush()
    sys.stderr.flush()
    # The interpreter's own end would wait for MPI's threads, and so for a lost rank.
    os._exit(code)


def _one_line(work: Callable[[], int]) -> int:
    try:
        return work()
    except _Told:
        return 2
    except ConfigError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2


class _Told(Exception):
    """Rank 0 cannot start and says why itself."""


def _run_root(options: JobOptions, size: int) -> int:
    facts = {"cluster": _allocation(options).cluster}
    try:
        listening = _listen(options)
    except ConfigError as exc:
        loop = _loop(Hello(_hostname(), str(exc), facts), _QUEUED_AT_ROOT)
        _meet(loop, size)
        loop.leave("finish", _FINISH_SECONDS)
        raise
    loop = _loop(Hello(_hostname(), "", facts), _QUEUED_AT_ROOT)
    from pilothouse_standalone.job.root import Ranks  # while MPI starts in its thread

    nodes = list(dict.fromkeys(hello.hostname for hello in _meet(loop, size)))
    return run(_open_root(options, listening, Ranks(loop, nodes, size)))


def _run_worker(options: JobOptions, rank: int, size: int, joined: Callable[[], None]) -> int:
    from pilothouse_standalone.job.worker import Worker

    loop = _loop(Hello(_hostname()), _QUEUED_AT_WORKER)
    hellos = _meet(loop, size)
    if hellos[0].problem:
        loop.leave("finish", _FINISH_SECONDS)
        raise _Told
    joined()
    names = [hello.hostname for hello in hellos]
    first_of_its_node = names.index(names[rank]) == rank
    settings = _agent_settings(options, hellos[0].facts["cluster"]) if first_of_its_node else None
    worker = Worker(loop, settings)
    code = run(worker)
    return EXIT_ROOT_LOST if worker.root_lost else code


def _open_root(options: JobOptions, listening: socket.socket, ranks: "Ranks | None") -> "Root":
    from pilothouse_standalone.job.root import Root  # heavy: the port is open by now

    allocation = _allocation(options)
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


def _listen(options: JobOptions) -> socket.socket:
    return open_socket(options.host, options.port, option="--host {host} --port {port}")


def _allocation(options: JobOptions) -> Allocation:
    return read_allocation(os.environ, datetime.now(UTC), options.cluster)


def _hostname() -> str:
    """Return this node's name: as somebody said, as Slurm knows it, or the machine's short name."""
    named = os.environ.get("PILOTHOUSE_HOSTNAME") or os.environ.get("SLURMD_NODENAME")
    return named or socket.gethostname().partition(".")[0]


def _agent_settings(options: JobOptions, cluster: str) -> AgentSettings:
    """Return the agent's settings: what it collects is set as for every agent, the rest follows."""
    return load(
        AgentSettings,
        service="agent",
        environ={
            **os.environ,
            "PILOTHOUSE_CLUSTER": cluster,
            "PILOTHOUSE_HOSTNAME": _hostname(),
            "PILOTHOUSE_BROKER_URL": "mpi:",
            "PILOTHOUSE_SIMULATION_SOCKET": os.environ.get("PILOTHOUSE_SIMULATION_SOCKET", "auto"),
            "PILOTHOUSE_INTERVAL_SECONDS": str(options.interval_seconds),
            "PILOTHOUSE_SPOOL_DIR": "",
            "PILOTHOUSE_HOOK_SPOOL_DIR": "",
            "PILOTHOUSE_HEALTH_PORT": "-1",
        },
    )
