"""NVIDIA accelerators. Source: NVML API Reference Guide; pilothouse_agent/gpus has the questions.

A card that is lost, was reset, or whose driver was loaded anew is found again by starting the library
anew, once a minute at most; the others are told meanwhile.
"""

from typing import Any

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.gpus.device import DeviceGone
from pilothouse_agent.gpus.fleet import Fleet
from pilothouse_agent.gpus.nvidia import NvidiaCard
from pilothouse_agent.gpus.nvml import Nvml
from pilothouse_agent.gpus.owners import NVIDIA_FILES
from pilothouse_agent.host import Host


class NvidiaCollector:
    """Asks every card; what one of them refuses for good is not asked again."""

    name = "nvidia"

    def __init__(self, host: Host, options: Options) -> None:
        self._nvml = Nvml(host)
        self._detail = options.all_fields
        self._fleet = Fleet(self.name, self._find, host, NVIDIA_FILES, detail=options.all_fields)

    def collect(self) -> list[Sample]:
        """Return the samples of each card, ``type=accelerator`` by PCI address.

        Raises:
            Partly: When a card or the driver does not answer.
        """
        return self._fleet.samples()

    def close(self) -> None:
        """Stop the library."""
        self._fleet.close()
        self._nvml.close()

    def _find(self) -> list[NvidiaCard | DeviceGone]:
        return [self._card(handle, index) for index, handle in enumerate(self._nvml.open())]

    def _card(self, handle: Any, index: int) -> NvidiaCard | DeviceGone:
        if isinstance(handle, DeviceGone):
            return handle
        try:
            return NvidiaCard(self._nvml, handle, index, detail=self._detail)
        except DeviceGone as exc:
            return exc
