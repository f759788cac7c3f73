"""AMD accelerators, by the names that all makes have. Source: pilothouse_agent/gpus/amdgpu.py."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.gpus.amdgpu import AmdCard, find_cards
from pilothouse_agent.gpus.fleet import Fleet
from pilothouse_agent.gpus.owners import DRM_FILES
from pilothouse_agent.host import CollectorUnavailable, Host


class AmdCollector:
    """Reads every card that the amdgpu driver has."""

    name = "amd"

    def __init__(self, host: Host, options: Options) -> None:
        if not find_cards(host):
            raise CollectorUnavailable("no AMD accelerator")
        self._host = host
        self._detail = options.all_fields
        self._fleet = Fleet(self.name, self._find, host, DRM_FILES, detail=options.all_fields)

    def collect(self) -> list[Sample]:
        """Return the samples of each card, ``type=accelerator`` by PCI address.

        Raises:
            Partly: When a card cannot be read any more.
        """
        return self._fleet.samples()

    def close(self) -> None:
        """Close the files."""
        self._fleet.close()

    def _find(self) -> list[AmdCard]:
        return [
            AmdCard(self._host, card, index, bus_id, detail=self._detail)
            for index, (card, bus_id) in enumerate(find_cards(self._host))
        ]
