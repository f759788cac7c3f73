"""One AMD accelerator as the kernel shows it: nothing has to be installed.

Sources: kernel's amdgpu documentation ("GPU sysfs", "Thermal", "RAS"), sysfs-bus-pci, kfd_topology.
Never read: ``pcie_bw``, which measures for a second.
"""

import re
from collections.abc import Callable, Mapping

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.gpus.amd_more import More
from pilothouse_agent.gpus.device import DeviceGone, Identity, Process, Reading
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile

DRM = "sys/class/drm"
KFD = "sys/class/kfd/kfd"
MILLI = 1e-3
MICRO = 1e-6
MEGAHERTZ = 1e6
PWM_HIGHEST = 255
GENERATIONS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
CARD = re.compile(r"card\d+")
BUS_ID = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
LEVEL = re.compile(r"\d+: *(\d+) *Mhz", re.IGNORECASE)
LETTERS_OUT = str.maketrans("", "", "abcdefghijklmnopqrstuvwxyz_")
SENSORS: Mapping[str, tuple[str, str, float]] = {
    "edge": ("temp{}_input", "acc_temperature", MILLI),
    "junction": ("temp{}_input", "acc_temperature", MILLI),
    "mem": ("temp{}_input", "acc_mem_temperature", MILLI),
    "sclk": ("freq{}_input", "acc_clock", 1),
    "mclk": ("freq{}_input", "acc_mem_clock", 1),
}
PLAIN = (
    ("gpu_busy_percent", "acc_utilization", 1.0),
    ("mem_busy_percent", "acc_mem_utilization", 1.0),
    ("mem_info_vram_used", "acc_mem_used", 1.0),
    ("mem_info_vram_total", "acc_mem_total", 1.0),
    ("pcie_replay_count", "acc_pcie_replays", 1.0),
    ("current_link_width", "acc_pcie_width", 1.0),
)
HWMON = (
    ("power1_cap", "acc_power_limit", MICRO),
    ("pwm1", "acc_fan", 100 / PWM_HIGHEST),
)


class AmdCard:
    """The files of one card; one that it lacks is found once.

    Args:
        host: The node.
        card: ``card1``.
        index: Among the AMD cards, by PCI address.
        bus_id: Its PCI address.
        detail: Every value, not only the usual ones.
        more: What amdsmi tells of it besides.
    """

    def __init__(
        self,
        host: Host,
        card: str,
        index: int,
        bus_id: str,
        *,
        detail: bool,
        more: Callable[[tuple[str, ...]], More] | None = None,
    ) -> None:
        self._host = host
        self._path = f"{DRM}/{card}/device"
        self._gpu_id, minor = find_compute_node(host, bus_id)
        model = host.read(f"{self._path}/product_name")
        self.identity = Identity(bus_id, index, minor, host.read(f"{self._path}/unique_id"), model)
        self._tags = self.identity.tags
        self._numbers = self._open_all()
        self._errors = [
            file
            for name in host.names(f"{self._path}/ras")
            if name.endswith("_err_count") and (file := self._open(f"ras/{name}"))
        ]
        self._link = self._open("current_link_speed")
        self._more = more(self._tags) if more is not None else None
        self._fixed = self._highest_clocks() if detail else []

    def read(self, monotonic_seconds: float) -> list[Reading]:
        """Return its reading.

        Raises:
            DeviceGone: None of its files can be read any more.
        """
        samples = list(self._fixed)
        failed = 0
        for file, metric, factor in self._numbers:
            try:
                samples.append(Sample(metric, int(file.read()) * factor, *self._tags))
            except (OSError, ValueError):  # some have no value while the card sleeps
                failed += 1
        if failed == len(self._numbers):
            raise DeviceGone(f"GPU {self.identity.bus_id}: {self._path} cannot be read")
        samples += self._link_samples() + self._error_samples()
        if self._more is not None:
            samples += self._more.samples(monotonic_seconds)
        processes = self._processes()
        if processes is not None:
            samples.append(Sample("acc_processes", len(processes), *self._tags))
        return [Reading(self.identity, samples, processes or [])]

    def close(self) -> None:
        """Close its files."""
        for file in (*(file for file, _, _ in self._numbers), *self._errors, self._link):
            if file is not None:
                file.close()

    def _open(self, name: str) -> KeptFile | None:
        try:
            return self._host.open(f"{self._path}/{name}")
        except CollectorUnavailable:
            return None

    def _open_all(self) -> list[tuple[KeptFile, str, float]]:
        wanted = list(PLAIN)
        for hwmon in self._host.names(f"{self._path}/hwmon")[:1]:
            below = f"hwmon/{hwmon}"
            power = ("power1_average", "power1_input")  # the older cards have the first
            names = self._host.names(f"{self._path}/{below}")
            wanted += [(f"{below}/{n}", "acc_power", MICRO) for n in power if n in names][:1]
            wanted += [(f"{below}/{name}", metric, factor) for name, metric, factor in HWMON]
            wanted += self._sensors(below, names)
        opened = ((self._open(name), metric, factor) for name, metric, factor in wanted)
        return [(file, metric, factor) for file, metric, factor in opened if file is not None]

    def _sensors(self, below: str, names: list[str]) -> list[tuple[str, str, float]]:
        """Find sensors by their labels; where there is no edge sensor, the junction's stands for it."""
        labels = {
            self._host.read(f"{self._path}/{below}/{name}"): name.translate(LETTERS_OUT)
            for name in names
            if name.endswith("_label")
        }
        if "edge" in labels:
            labels.pop("junction", None)
        return [
            (f"{below}/{pattern.format(labels[label])}", metric, factor)
            for label, (pattern, metric, factor) in SENSORS.items()
            if label in labels
        ]

    def _highest_clocks(self) -> list[Sample]:
        found = []
        for name, metric in (
            ("pp_dpm_sclk", "acc_clock_max"),
            ("pp_dpm_mclk", "acc_mem_clock_max"),
        ):
            levels = [int(mhz) for mhz in LEVEL.findall(self._host.read(f"{self._path}/{name}"))]
            if levels:
                found.append(Sample(metric, max(levels) * MEGAHERTZ, *self._tags))
        return found

    def _link_samples(self) -> list[Sample]:
        """Return the generation: ``16.0 GT/s PCIe`` is the fourth."""
        try:
            words = self._link.read().decode("ascii", "replace").split() if self._link else []
        except OSError:
            return []
        generation = GENERATIONS.get(words[0]) if words else None
        return [Sample("acc_pcie_generation", generation, *self._tags)] if generation else []

    def _error_samples(self) -> list[Sample]:
        """Return the sums over all blocks of ``ue: 0`` and ``ce: 3``."""
        sums = {b"ce": 0, b"ue": 0}
        answered = False
        for file in self._errors:
            try:
                pairs = [line.partition(b":") for line in file.read().splitlines()]
            except OSError:
                continue  # one block less; the others tell
            for key, _, value in pairs:
                if key.strip() in sums and value.strip().isdigit():
                    sums[key.strip()] += int(value)
                    answered = True
        if not answered:
            return []
        return [
            Sample("acc_ecc_corrected", sums[b"ce"], *self._tags),
            Sample("acc_ecc_uncorrected", sums[b"ue"], *self._tags),
        ]

    def _processes(self) -> list[Process] | None:
        """Return those with a compute queue, or None where the kernel does not tell."""
        if not self._gpu_id:
            return None
        found = []
        for name in self._host.names(f"{KFD}/proc"):
            used = self._host.read(f"{KFD}/proc/{name}/vram_{self._gpu_id}")
            if name.isdecimal() and used.isdecimal():
                found.append(Process(int(name), int(used)))
        return found


def find_cards(host: Host) -> list[tuple[str, str]]:
    """Return the cards that the amdgpu driver has, with their PCI addresses, sorted by these."""
    found = []
    for card in host.names(DRM):
        if CARD.fullmatch(card):
            lines = host.read(f"{DRM}/{card}/device/uevent").splitlines()
            keys = dict(line.split("=", 1) for line in lines if "=" in line)
            bus_id = keys.get("PCI_SLOT_NAME", "").lower()
            if keys.get("DRIVER") == "amdgpu" and BUS_ID.fullmatch(bus_id):
                found.append((bus_id, card))
    return [(card, bus_id) for bus_id, card in sorted(found)]


def find_compute_node(host: Host, bus_id: str) -> tuple[str, int]:
    """Return the id that the compute driver gives a card, and N of its ``/dev/dri/renderDN``; ("", -1)."""
    domain, bus, rest = bus_id.split(":")
    device, _, function = rest.partition(".")
    location = int(bus, 16) << 8 | int(device, 16) << 3 | int(function)
    for node in host.names(f"{KFD}/topology/nodes"):
        path = f"{KFD}/topology/nodes/{node}"
        pairs = (line.split() for line in host.read(f"{path}/properties").splitlines())
        keys = {words[0]: words[1] for words in pairs if len(words) == 2}
        gpu_id = host.read(f"{path}/gpu_id")
        if (
            gpu_id not in ("", "0")
            and keys.get("location_id") == str(location)
            and keys.get("domain", "0") == str(int(domain, 16))
        ):
            minor = keys.get("drm_render_minor", "")
            return gpu_id, int(minor) if minor.isdecimal() else -1
    return "", -1
