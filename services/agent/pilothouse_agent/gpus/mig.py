"""MIG: the instances that a card is divided into. Source: NVML API Reference Guide, "Multi Instance GPU"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pilothouse_agent.gpus.device import Identity, NotOffered, NoValue, Process, Reading
from pilothouse_agent.gpus.gpm import Gpm, open_gpm
from pilothouse_agent.gpus.nvml import Nvml, text_of
from pilothouse_agent.gpus.nvml_questions import Questions
from pilothouse_agent.gpus.nvml_table import ASKED

MAX_INSTANCES = 16


class Instance:
    """One MIG instance.

    Args:
        nvml: The library.
        handle: The instance's own.
        card: The handle of the card that it is part of, which has its activity counters.
        identity: Of the instance.
    """

    def __init__(self, nvml: Nvml, handle: Any, card: Any, identity: Identity) -> None:
        self.identity = identity
        self._gpu_instance = int(identity.mig.partition("/")[0])
        asked = [each for each in ASKED if each.mig]
        self._questions = Questions(nvml, handle, asked, identity.tags, detail=False)
        self._gpm: Gpm | None = open_gpm(nvml, card, identity.tags, self._gpu_instance)

    def read(self, monotonic_seconds: float, processes: Sequence[tuple[Process, int]]) -> Reading:
        """Return its reading, with those of the card's processes that are its own.

        Raises:
            DeviceGone: The card has to be found anew.
        """
        samples = self._questions.samples(monotonic_seconds)
        if self._gpm is not None:
            samples += self._gpm.samples()
        own = [process for process, instance in processes if instance == self._gpu_instance]
        return Reading(self.identity, samples, own)

    def close(self) -> None:
        """Free its activity counters."""
        if self._gpm is not None:
            self._gpm.close()


def has_mig(nvml: Nvml, card: Any) -> bool:
    """Tell whether a card is divided now.

    Raises:
        DeviceGone: It has to be found anew.
    """
    try:
        return bool(nvml.ask(lambda nv, h: nv.nvmlDeviceGetMigMode(h), card)[0])
    except (NotOffered, NoValue):
        return False


def find_instances(nvml: Nvml, card: Any, identity: Identity) -> list[tuple[Identity, Any]]:
    """Return the instances that a card has now, with their handles.

    Raises:
        DeviceGone: It has to be found anew.
    """
    found: list[tuple[Identity, Any]] = []
    for place in range(MAX_INSTANCES):
        try:
            handle, gpu, compute, uuid = nvml.ask(_instance, (card, place))
        except NoValue:
            continue  # a free place
        except NotOffered:
            break
        found.append((replace(identity, mig=f"{gpu}/{compute}", uuid=text_of(uuid)), handle))
    return found


def _instance(nv: Any, where: tuple[Any, int]) -> tuple[Any, int, int, Any]:
    handle = nv.nvmlDeviceGetMigDeviceHandleByIndex(*where)
    return (
        handle,
        nv.nvmlDeviceGetGpuInstanceId(handle),
        nv.nvmlDeviceGetComputeInstanceId(handle),
        nv.nvmlDeviceGetUUID(handle),
    )
