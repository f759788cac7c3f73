"""Rank 0: the stores, the gateway and this node's agent, and what the other ranks send."""

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pilothouse_agent.service import build as build_agent
from pilothouse_agent.settings import AgentSettings
from pilothouse_api.access.signing import TokenSigner
from pilothouse_api.access.tokens import Tokens
from pilothouse_api.compat.jumonc.options import JumoncOptions
from pilothouse_api.service import ApiService
from pilothouse_api.settings import ApiSettings
from pilothouse_common.broker.carrier import open_broker, open_publisher
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import Broker, Publisher
from pilothouse_common.broker.quarantine import Quarantine
from pilothouse_common.broker.ranks.loop import RankLoop
from pilothouse_common.broker.ranks.root import RankRoot
from pilothouse_common.broker.spool import Spool
from pilothouse_common.errors import ConfigError, PilothouseError
from pilothouse_common.runtime.clock import Clock, SystemClock
from pilothouse_common.runtime.service import Check, Service
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_ingest.service import IngestService
from pilothouse_ingest.settings import IngestSettings

from pilothouse_standalone.datadir import DataDir
from pilothouse_standalone.job.allocation import Allocation
from pilothouse_standalone.job.bridge import BridgedBroker
from pilothouse_standalone.job.options import JobOptions
from pilothouse_standalone.job.tee import Tee
from pilothouse_standalone.job.tokens import FILE, write_tokens
from pilothouse_standalone.together import Together

log = logging.getLogger(__name__)
_BROKER_URL = "memory:"
_GOODBYE_SECONDS = 3.0
_FINISH_SECONDS = 2.0
_PART_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks that rank 0 serves.

    Attributes:
        loop: Speaks MPI.
        nodes: The nodes that are collected on, each once, ours first.
        size: Number of ranks.
    """

    loop: RankLoop
    nodes: Sequence[str]
    size: int


class Root(Together):
    """Rank 0's services in one process.

    Args:
        options: Of the command line.
        allocation: The job.
        listening: The socket of the gateway, bound before anything else.
        agent: Settings of this node's agent.
        ranks: The others; None: there are none.

    Raises:
        ConfigError: The directory cannot be used, or an option makes no sense.
    """

    def __init__(
        self,
        options: JobOptions,
        *,
        allocation: Allocation,
        listening: socket.socket,
        agent: AgentSettings,
        ranks: Ranks | None,
    ) -> None:
        self._options = options
        self._nodes = ranks.nodes if ranks else [agent.node_name()]
        self._lost: set[int] = set()
        self._data = data = _open_data(options)
        clock = SystemClock()
        broker = MemoryBroker(
            confirm="settled", keep_dead_letter=Quarantine(data.spool / "dead").keep
        )
        records = Records(data.records_url)
        records.migrate()
        samples = open_sample_store(data.samples_url)
        tokens = Tokens(records, TokenSigner(data.token_key().encode()), clock)
        self._tokens = write_tokens(data, tokens, subject=allocation.user)
        self._outside = _open_outside(options, data)
        bridge = _open_bridge(options, broker)
        commands: Broker = bridge or broker
        publisher = commands.publisher()
        if self._outside is not None:
            publisher = Tee(publisher, self._outside)
        self._api = ApiService(
            _api_settings(options, data, allocation.cluster),
            records=records,
            samples=samples,
            broker=broker,
            clock=clock,
            owned=False,
            listening=listening,
            jumonc=JumoncOptions(prefix="", stop=stop_this_process),
        )
        services: list[Service] = [
            _JobItself(allocation, self._nodes, broker.publisher(), self._outside, clock),
            build_agent(agent, publisher=publisher, broker=commands),
            self._api,
            IngestService(
                IngestSettings(
                    cluster=allocation.cluster,
                    broker_url=_BROKER_URL,
                    records_url=data.records_url,
                    samples_url=data.samples_url,
                ),
                broker=broker,
                samples=samples,
                records=records,
                clock=clock,
                owned=False,
            ),
        ]
        if ranks is not None:
            root = RankRoot(ranks.loop, size=ranks.size, publisher=publisher, broker=commands)
            services.insert(0, _OtherRanks(root, self._lost, 3 * options.interval_seconds))

        def close() -> None:
            if bridge is not None:
                bridge.close()
            broker.close()
            samples.close()
            records.close()
            self._give_up_data()
            if ranks is not None:  # last: MPI_Abort ends this process, too
                how = "abort" if self._lost else "finish"
                ranks.loop.leave(how, _FINISH_SECONDS)

        super().__init__("job", services, close=close, stop_seconds=_PART_SECONDS)

    def welcome(self) -> str:
        """Return what a person needs first: the address, how to get there, where the tokens are."""
        host, port = self._nodes[0], self._api.port
        nodes = f"{len(self._nodes)} node{'s' if len(self._nodes) > 1 else ''}"
        lines = [
            f"Pilothouse watches {nodes} of this job on {self._api.url}",
            f"  tokens:     {host}:{self._data.path / FILE}  (<level>: <token>; the page asks for one)",
            f"  from afar:  ssh -L {port}:127.0.0.1:{port} {_jump()}{host}",
            f"  stop:       scancel the step, Ctrl-C, or kill {os.getpid()} on {host}",
        ]
        if self._options.print_tokens:
            lines += ["  tokens, as asked:", *(f"    {line}" for line in self._tokens.splitlines())]
        return "\n".join(lines)

    def _give_up_data(self) -> None:
        """Remove a private directory, unless something in it has not reached its receiver."""
        waits = False
        if self._outside is not None:
            self._outside.close()
            waits = not Spool(self._data.spool / "publish").is_empty()
        self._data.close()
        if waits:
            spool = self._data.path / "spool" / "publish"
            sys.stderr.write(
                f"pilothouse: not everything was delivered; send the rest with\n"
                f"  PILOTHOUSE_BROKER_URL=… pilothouse-sender {spool}\n"
            )
        elif self._options.data is None:
            shutil.rmtree(self._data.path, ignore_errors=True)


class _OtherRanks:
    """The worker ranks as a Service: told first that it is over, so that their last messages come in."""

    name = "ranks"

    def __init__(self, root: RankRoot, lost: set[int], silent_seconds: float) -> None:
        self._root = root
        self._lost = lost
        self._silent_seconds = silent_seconds

    def run(self, stop: threading.Event) -> None:
        """Serve until ``stop``."""
        stop.wait()
        self._lost |= self._root.end(
            "rank 0 stops", _GOODBYE_SECONDS, silent_seconds=self._silent_seconds
        )
        if self._lost:
            log.warning("ranks without a good-bye", extra={"ranks": sorted(self._lost)})

    def checks(self) -> Mapping[str, Check]:
        """Return none: a stale node is no reason to refuse requests."""
        return {}

    def close(self) -> None:
        """Publish what came."""
        self._root.close()


class _JobItself:
    """Tells that the allocation is a job: at the start, and at the end.

    A job that a batch system knows is not finished outside, at ``--publish``: it may well go on.
    """

    name = "job-events"

    def __init__(
        self,
        allocation: Allocation,
        nodes: Sequence[str],
        own: Publisher,
        outside: Publisher | None,
        clock: Clock,
    ) -> None:
        self._allocation = allocation
        self._nodes = nodes
        self._own = own
        self._outside = outside
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Publish both events."""
        started = self._allocation.started(self._nodes)
        self._own.publish([started])
        if self._outside is not None:
            self._outside.publish([started])
        stop.wait()
        finished = self._allocation.finished(self._nodes, self._clock.now())
        self._own.publish([finished])
        if self._outside is not None and not self._allocation.known:
            self._outside.publish([finished])

    def checks(self) -> Mapping[str, Check]:
        """Return none."""
        return {}

    def close(self) -> None:
        """Release the publisher."""
        self._own.close()


def stop_this_process() -> None:
    """End as on SIGTERM: what an answered request for the end does."""
    os.kill(os.getpid(), signal.SIGTERM)


def _open_data(options: JobOptions) -> DataDir:
    if options.data is not None:
        return DataDir(options.data, mode=0o700)
    try:
        return DataDir(Path(tempfile.mkdtemp(prefix="pilothouse-job-")), mode=0o700)
    except OSError as exc:
        raise ConfigError(f"no directory for the data ({exc}); name one with --data") from exc


def _open_outside(options: JobOptions, data: DataDir) -> Publisher | None:
    if not options.publish:
        return None
    try:
        return open_publisher(
            options.publish, spool_dir=data.spool / "publish", name="pilothouse-job"
        )
    except PilothouseError as exc:
        raise ConfigError(f"--publish: {exc}") from exc


def _open_bridge(options: JobOptions, inside: Broker) -> BridgedBroker | None:
    """Return the way in for commands, where the carrier is one that brings messages too."""
    if options.publish.partition(":")[0] not in ("amqp", "amqps"):
        return None
    return BridgedBroker(inside, open_broker(options.publish, name="pilothouse-job commands"))


def _api_settings(options: JobOptions, data: DataDir, cluster: str) -> ApiSettings:
    return ApiSettings(
        cluster=cluster,
        broker_url=_BROKER_URL,
        records_url=data.records_url,
        samples_url=data.samples_url,
        token_key=data.token_key(),
        api_host=options.host,
        api_port=options.port,
        stop_seconds=1.0,
    )


def _jump() -> str:
    """Return the way over the login node, where the batch system names it."""
    login = os.environ.get("SLURM_SUBMIT_HOST") or os.environ.get("PBS_O_HOST", "")
    return f"-J {login} " if login.replace("-", "").replace(".", "").isalnum() else ""
