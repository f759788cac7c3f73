"""Memory errors by controller and module. Source: kernel's admin-guide/ras.rst, EDAC sysfs ABI."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile
from pilothouse_agent.rates import sum_by_name

CONTROLLERS = "sys/devices/system/edac/mc"
COUNTS = {"ce_count": "edac_corrected_errors", "ue_count": "edac_uncorrected_errors"}


class EdacCollector:
    """Reads the counts since the driver was loaded, of each controller and of modules that had errors."""

    name = "edac"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._all = options.all_fields
        names = host.names(CONTROLLERS)
        self._controllers = [n for n in names if n.startswith("mc") and n[2:].isdecimal()]
        if not self._controllers:
            raise CollectorUnavailable(f"{host.path(CONTROLLERS)}: no memory controller")
        self._files: list[tuple[str, str, KeptFile]] = []
        for controller in self._controllers:
            for count, metric in COUNTS.items():
                file = host.open(f"{CONTROLLERS}/{controller}/{count}")
                self._files.append((controller, metric, file))

    def collect(self) -> list[Sample]:
        """Return the counts, ``stype=controller`` and ``stype=dimm``, and the node's sums."""
        samples: list[Sample] = []
        failed: list[str] = []
        for controller, metric, file in self._files:
            value = int(file.read())
            samples.append(Sample(metric, value, "node", "", "controller", controller))
            if value and controller not in failed:
                failed.append(controller)
        sums = sum_by_name(samples, COUNTS.values())
        for controller in self._controllers if self._all else failed:
            samples += self._modules(controller)
        return samples + sums

    def close(self) -> None:
        """Close the files."""
        for _, _, file in self._files:
            file.close()

    def _modules(self, controller: str) -> list[Sample]:
        samples = []
        for name in self._host.names(f"{CONTROLLERS}/{controller}"):
            if name.startswith(("dimm", "rank")):
                at = f"{CONTROLLERS}/{controller}/{name}"
                label = self._host.read(f"{at}/dimm_label") or name
                for count, metric in COUNTS.items():
                    value = self._host.number(f"{at}/dimm_{count}")
                    if value or (self._all and value is not None):
                        part = f"{controller}/{label}"
                        samples.append(Sample(metric, value, "node", "", "dimm", part))
        return samples
