"""A worker rank: collects on its node, unless another rank of that node does, and waits for the end."""

import logging
import threading
from collections.abc import Mapping

from pilothouse_agent.service import AgentService, build
from pilothouse_agent.settings import AgentSettings
from pilothouse_common.broker.ranks.frames import Gone
from pilothouse_common.broker.ranks.loop import RankLoop
from pilothouse_common.broker.ranks.worker import ROOT, WorkerBroker
from pilothouse_common.errors import BrokerUnavailable
from pilothouse_common.runtime.service import Check

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_END_SECONDS = 2.0
_FLUSH_SECONDS = 2.0
_FINISH_SECONDS = 2.0
SILENT_INTERVALS = 12
SILENT_SECONDS = 60.0


class Worker:
    """A worker rank as a Service.

    Args:
        loop: Of this rank, after it met the others.
        settings: Of the agent; None: another rank collects on this node.
    """

    name = "worker"

    def __init__(self, loop: RankLoop, settings: AgentSettings | None) -> None:
        self._loop = loop
        self._broker = WorkerBroker(loop)
        self._agent: AgentService | None = None
        self._silent_seconds = float("inf")
        self.root_lost = False
        """Whether run() ended because rank 0 does not answer any more."""
        if settings is not None:
            self._agent = build(settings, publisher=self._broker.publisher(), broker=self._broker)
            self._silent_seconds = max(SILENT_SECONDS, SILENT_INTERVALS * settings.interval_seconds)

    def run(self, stop: threading.Event) -> None:
        """Collect until rank 0 says that it is over or is silent, or this process is told to stop."""
        ended = threading.Event()
        thread = None
        if self._agent is not None:
            thread = threading.Thread(target=self._collect, args=(self._agent, ended), daemon=True)
            thread.start()
        try:
            self._wait(stop)
        finally:
            ended.set()
            if thread is not None:
                thread.join(_END_SECONDS)

    def _collect(self, agent: AgentService, ended: threading.Event) -> None:
        try:
            agent.run(ended)
        except (
            Exception
        ):  # said here; the node is stale then, and this rank still ends with the others
            log.exception("collecting failed")

    def _wait(self, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_SECONDS) and not self._broker.ended.is_set():
            if self._broker.silent_seconds > self._silent_seconds:
                log.error("rank 0 is silent: this rank ends")
                self.root_lost = True
                return

    def checks(self) -> Mapping[str, Check]:
        """Return readiness checks by name."""
        return {"root": self._broker.check}

    def close(self) -> None:
        """Give away what waits, say good-bye, leave MPI with the others if they leave, too."""
        impatient = threading.Timer(_FLUSH_SECONDS, self._broker.close)  # rank 0 may be gone
        impatient.start()
        if self._agent is not None:
            self._agent.close()
        impatient.cancel()
        try:
            self._loop.send(ROOT, Gone())
        except BrokerUnavailable as exc:
            log.debug("no good-bye", extra={"reason": str(exc)})
        together = self._broker.ended.wait(_END_SECONDS)
        self._broker.close()
        if not self._loop.leave("finish" if together else "", _FINISH_SECONDS):
            log.info("left without MPI_Finalize: another rank did not come to it")
