"""AMD accelerators, by the names of all makes. Sources: pilothouse_agent/gpus/amdgpu.py, amd_more.py."""

from functools import partial

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.gpus.amd_more import More
from pilothouse_agent.gpus.amdgpu import AmdCard, find_cards
from pilothouse_agent.gpus.amdsmi import open_amdsmi
from pilothouse_agent.gpus.fleet import Fleet
from pilothouse_agent.gpus.owners import DRM_FILES
from pilothouse_agent.host import CollectorUnavailable, Host


class AmdCollector:
    """Reads every card that the amdgpu driver has, and asks amdsmi for the rest where it is installed."""

    name = "amd"

    def __init__(self, host: Host, options: Options) -> None:
        if not find_cards(host):
            raise CollectorUnavailable("no AMD accelerator")
        self._host = host
        self._detail = options.all_fields
        self._smi = open_amdsmi()
        self._fleet = Fleet(self.name, self._find, host, DRM_FILES, detail=options.all_fields)

    def collect(self) -> list[Sample]:
        """Return the samples of each card, ``type=accelerator`` by PCI address.

        Raises:
            Partly: When a card cannot be read any more.
        """
        return self._fleet.samples()

    def close(self) -> None:
        """Close the files and stop the library."""
        self._fleet.close()
        if self._smi is not None:
            self._smi.close()

    def _find(self) -> list[AmdCard]:
        smi = self._smi
        handles = smi.start() if smi is not None else {}
        return [
            AmdCard(
                self._host,
                card,
                index,
                bus_id,
                detail=self._detail,
                more=partial(More, smi, handles[bus_id]) if smi and bus_id in handles else None,
            )
            for index, (card, bus_id) in enumerate(find_cards(self._host))
        ]
