"""All accelerators of one make: asked one after the other, found anew when one of them is gone."""

from collections.abc import Callable, Sequence
from math import isfinite

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Partly
from pilothouse_agent.gpus.device import Device, DeviceGone, Reading, process_samples
from pilothouse_agent.gpus.owners import DeviceFiles
from pilothouse_agent.gpus.shares import Shares
from pilothouse_agent.host import Host
from pilothouse_agent.power import PowerIntegral
from pilothouse_agent.rates import sum_by_name

SUMMED = ("acc_mem_used", "acc_mem_total", "acc_power")
MEAN = "acc_utilization"
RETRY_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 600.0  # finding anew interrupts the rates of those that work


class Fleet:
    """The devices of one node.

    Args:
        name: Of the collector.
        find: Returns every device there is, in order; a DeviceGone instead of one that does not answer.
        host: The node.
        files: This make's device files.
        detail: Also tell each process.
    """

    def __init__(
        self,
        name: str,
        find: Callable[[], Sequence[Device | DeviceGone]],
        host: Host,
        files: DeviceFiles,
        *,
        detail: bool,
    ) -> None:
        self._own = ("node", "", "collector", name)
        self._find = find
        self._host = host
        self._detail = detail
        self._shares = Shares(host, files)
        self._devices: list[Device | DeviceGone] = []
        self._integral = PowerIntegral()
        self._problem: DeviceGone | None = None
        self._find_at = float("-inf")
        self._retry = RETRY_SECONDS

    def samples(self) -> list[Sample]:
        """Return the samples of every device.

        Raises:
            Partly: With those of the others, when one does not answer.
        """
        now = self._host.clock.monotonic()
        if now >= self._find_at:
            self._find_all(now)
        readings = self._read(now)
        self._account(readings, now)
        samples: list[Sample] = []
        for reading in readings:
            samples += reading.samples
            if self._detail and not reading.identity.mig:
                samples += process_samples(reading)
        samples += totals(readings) + self._shares.samples(readings)
        if self._devices:
            answering = {reading.identity.bus_id for reading in readings}
            samples.append(Sample("acc_count", len(self._devices), *self._own))
            samples.append(Sample("acc_answering", len(answering), *self._own))
        if self._problem is not None:
            raise Partly(str(self._problem), samples)
        return samples

    def close(self) -> None:
        """Release every device."""
        for device in self._devices:
            if not isinstance(device, DeviceGone):
                device.close()
        self._devices = []

    def _find_all(self, now: float) -> None:
        self.close()
        self._problem = None
        try:
            self._devices = list(self._find())
        except DeviceGone as exc:
            self._note(exc, now)
        for device in self._devices:
            if isinstance(device, DeviceGone):
                self._note(device, now)
        if self._problem is None:
            self._find_at = float("inf")
            self._retry = RETRY_SECONDS

    def _read(self, now: float) -> list[Reading]:
        readings: list[Reading] = []
        for place, device in enumerate(self._devices):
            if isinstance(device, DeviceGone):
                continue
            try:
                readings += device.read(now)
            except DeviceGone as exc:
                device.close()
                self._devices[place] = exc
                self._note(exc, now)
        return readings

    def _account(self, readings: Sequence[Reading], now: float) -> None:
        """Tell the node's energy what the cards drew; while one does not answer there is no telling."""
        watts = [s.value for each in readings for s in each.samples if s.name == "acc_power"]
        missing = any(isinstance(device, DeviceGone) for device in self._devices)
        if watts and not missing and isfinite(sum(watts)):
            self._host.power.tell("gpu", self._integral.add(sum(watts), now))

    def _note(self, problem: DeviceGone, now: float) -> None:
        """Keep the first problem and plan to look again, later and later."""
        if self._problem is None:
            self._problem = problem
            self._find_at = now + self._retry
            self._retry = min(2 * self._retry, LONGEST_RETRY_SECONDS)


def totals(readings: Sequence[Reading]) -> list[Sample]:
    """Return the node's sums and its mean utilisation, over whole cards."""
    whole = [each for reading in readings if not reading.identity.mig for each in reading.samples]
    busy = [sample.value for sample in whole if sample.name == MEAN]
    mean = [Sample(MEAN, sum(busy) / len(busy))] if busy else []
    return mean + sum_by_name(whole, SUMMED)
