"""One NVIDIA card with its MIG instances."""

from typing import Any

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.gpus.device import DeviceGone, Identity, NotOffered, NoValue, Process, Reading
from pilothouse_agent.gpus.gpm import Gpm, open_gpm
from pilothouse_agent.gpus.mig import Instance, find_instances, has_mig
from pilothouse_agent.gpus.nvml import PROCESSES, Nvml
from pilothouse_agent.gpus.nvml_questions import FieldBatch, Questions
from pilothouse_agent.gpus.nvml_table import ASKED, SLOW_PCIE

LOOK_SECONDS = 60.0  # MIG instances are made and destroyed between jobs, without a reset


class NvidiaCard:
    """One card and its MIG instances.

    Raises:
        DeviceGone: It does not tell who it is.
    """

    def __init__(self, nvml: Nvml, handle: Any, index: int, *, detail: bool) -> None:
        self.identity: Identity = nvml.identity(handle, index)
        self._nvml = nvml
        self._handle = handle
        self._detail = detail
        self._instances: list[Instance] = []
        self._gpm: Gpm | None = None
        self._looked_at = float("-inf")
        self._divided = False
        self._plan()

    def read(self, monotonic_seconds: float) -> list[Reading]:
        """Return the card's reading, then those of its MIG instances."""
        try:
            self._look(monotonic_seconds)
            processes = self._processes()
            samples = self._samples(monotonic_seconds)
            if self._process_lists:
                samples.append(Sample("acc_processes", len(processes), *self.identity.tags))
            whole = Reading(self.identity, samples, [each for each, _ in processes])
            return [whole, *(each.read(monotonic_seconds, processes) for each in self._instances)]
        except DeviceGone as exc:
            raise DeviceGone(f"GPU {self.identity.bus_id}: {exc}") from exc

    def close(self) -> None:
        """Free the activity counters."""
        for each in self._instances:
            each.close()
        if self._gpm is not None:
            self._gpm.close()

    def _plan(self) -> None:
        """Ask everything anew: what a card offers depends on whether it is divided."""
        tags = self.identity.tags
        self._questions = Questions(self._nvml, self._handle, ASKED, tags, detail=self._detail)
        self._fields = FieldBatch(self._nvml, self._handle, tags)
        self._slow: Questions | None = None
        self._process_lists = list(PROCESSES)
        if self._gpm is not None:
            self._gpm.close()
        self._gpm = open_gpm(self._nvml, self._handle, tags) if self._detail else None

    def _samples(self, now: float) -> list[Sample]:
        samples = self._questions.samples(now) + self._fields.samples(now)
        if self._detail and self._slow is None and not self._fields.offers("acc_pcie_rx_bw"):
            self._slow = Questions(
                self._nvml, self._handle, [SLOW_PCIE], self.identity.tags, detail=True
            )
        if self._slow is not None:
            samples += self._slow.samples(now)
        if self._gpm is not None:
            samples += self._gpm.samples()
        return samples

    def _look(self, now: float) -> None:
        """See now and then whether the card is divided otherwise."""
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        divided = has_mig(self._nvml, self._handle)
        found = find_instances(self._nvml, self._handle, self.identity) if divided else []
        if divided != self._divided:
            self._divided = divided
            self._plan()
        if [identity for identity, _ in found] != [each.identity for each in self._instances]:
            for each in self._instances:
                each.close()
            self._instances = [
                Instance(self._nvml, handle, self._handle, identity) for identity, handle in found
            ]

    def _processes(self) -> list[tuple[Process, int]]:
        found: dict[int, tuple[Process, int]] = {}
        for question in list(self._process_lists):
            try:
                told = self._nvml.processes(self._handle, question)
            except NotOffered:
                self._process_lists.remove(question)
            except NoValue:
                continue  # this time
            else:
                found |= {each[0].pid: each for each in told}
        return list(found.values())
