"""NVIDIA's management library: the only place where pynvml is imported and its errors are ours.

Loading and asking are apart: a wedged driver hangs in nvmlInit, so that nothing is asked before the
first sweep, which has a deadline. Source: NVML API Reference Guide; nvidia-ml-py.
"""

import re
from collections.abc import Callable
from typing import Any

from pilothouse_agent.gpus.device import DeviceGone, Identity, NotOffered, NoValue, Process
from pilothouse_agent.host import CollectorUnavailable, Host

Question = Callable[[Any, Any], Any]
"""Gets pynvml and a handle."""
LIBRARY = "libnvidia-ml.so.1"
MAX_DEVICES = 64
ALL_LINKS = 0xFFFFFFFF  # as scope of a NVLink field: the sum
_NVIDIA = "0x10de"
_DISPLAY = ("0x03", "0x12")  # PCI base classes: display controller, processing accelerator
_DEVICE = re.compile(r"nvidia\d+")


class Nvml:
    """The library, loaded; ``open`` starts it.

    Raises:
        CollectorUnavailable: There is no such hardware, library or package here.
    """

    def __init__(self, host: Host) -> None:
        if not has_hardware(host):
            raise CollectorUnavailable("no NVIDIA device")
        import ctypes  # here: it takes memory that nodes without a card need not spend

        try:
            ctypes.CDLL(LIBRARY)
        except OSError as exc:
            raise CollectorUnavailable(f"{LIBRARY}: {exc}") from exc
        try:
            import pynvml
        except ImportError as exc:
            raise CollectorUnavailable("install pilothouse-agent[gpu]: no package pynvml") from exc
        self.pynvml: Any = pynvml
        self._open = False
        never = (
            "NOT_SUPPORTED", "FUNCTION_NOT_FOUND", "NO_PERMISSION", "INVALID_ARGUMENT",
            "ARGUMENT_VERSION_MISMATCH", "VGPU_ECC_NOT_SUPPORTED", "DEPRECATED",
        )  # fmt: skip
        gone = (
            "UNINITIALIZED", "DRIVER_NOT_LOADED", "GPU_IS_LOST", "RESET_REQUIRED", "GPU_NOT_FOUND",
            "LIB_RM_VERSION_MISMATCH", "IRQ_ISSUE", "INSUFFICIENT_POWER",
        )  # fmt: skip
        self._never = self._codes(never)
        self._gone = self._codes(gone)

    def open(self) -> list[Any]:
        """Start (anew) and return one handle per device; for one that does not answer, why.

        Raises:
            DeviceGone: The driver is not loaded, or does not fit the library.
        """
        self.close()
        nv = self.pynvml
        try:
            nv.nvmlInit()
            self._open = True
            count = min(nv.nvmlDeviceGetCount(), MAX_DEVICES)
        except nv.NVMLError as exc:
            raise DeviceGone(f"NVML: {exc}") from exc
        return [self._handle(index) for index in range(count)]

    def close(self) -> None:
        """Stop the library; it stays loaded. Idempotent."""
        if self._open:
            self._open = False
            try:
                self.pynvml.nvmlShutdown()
            except self.pynvml.NVMLError:
                return  # its driver went away, and with it what was to be released

    def ask(self, question: Question, handle: Any) -> Any:
        """Return ``question(pynvml, handle)``.

        Raises:
            NotOffered: It never will be answered.
            NoValue: Not this time.
            DeviceGone: The device has to be found anew.
        """
        nv = self.pynvml
        try:
            return question(nv, handle)
        except nv.NVMLError as exc:
            raise self.problem(exc.value) from exc
        except (AttributeError, nv.NVMLLibraryMismatchError) as exc:  # package or driver is too old
            raise NotOffered(str(exc)) from exc

    def problem(self, code: int) -> Exception:
        """Return what ``ask`` raises for an error code of NVML."""
        text = str(self.pynvml.NVMLError(code))
        if code in self._never:
            return NotOffered(text)
        return DeviceGone(text) if code in self._gone else NoValue(text)

    def identity(self, handle: Any, index: int) -> Identity:
        """Return who a device is.

        Raises:
            DeviceGone: It does not even tell that.
        """
        nv = self.pynvml
        try:
            pci = nv.nvmlDeviceGetPciInfo_v3(handle)
        except nv.NVMLError as exc:
            raise DeviceGone(f"GPU {index}: {exc}") from exc
        return Identity(
            bus_id=f"{pci.domain & 0xFFFF:04x}:{pci.bus & 0xFF:02x}:{pci.device & 0x1F:02x}.0",
            index=index,
            minor=self._told(nv.nvmlDeviceGetMinorNumber, handle, -1),
            uuid=text_of(self._told(nv.nvmlDeviceGetUUID, handle, "")),
            model=text_of(self._told(nv.nvmlDeviceGetName, handle, "")),
        )

    def processes(self, handle: Any, question: Question) -> list[tuple[Process, int]]:
        """Return the processes of a device that one of PROCESSES asks for, each with its GPU instance.

        Raises:
            NotOffered, NoValue, DeviceGone: As ``ask``.
        """
        found = self.ask(question, handle)
        return [(Process(each.pid, each.usedGpuMemory), each.gpuInstanceId) for each in found]

    def _codes(self, names: tuple[str, ...]) -> frozenset[int]:
        codes = (getattr(self.pynvml, f"NVML_ERROR_{name}", None) for name in names)
        return frozenset(code for code in codes if code is not None)

    def _handle(self, index: int) -> Any:
        try:
            return self.pynvml.nvmlDeviceGetHandleByIndex(index)
        except self.pynvml.NVMLError as exc:
            return DeviceGone(f"GPU {index}: {exc}")

    def _told(self, question: Callable[[Any], Any], handle: Any, otherwise: Any) -> Any:
        try:
            return question(handle)
        except self.pynvml.NVMLError:
            return otherwise


def has_hardware(host: Host) -> bool:
    """Tell whether the node has an NVIDIA device, without asking its driver."""
    if host.names("proc/driver/nvidia/gpus") or any(map(_DEVICE.fullmatch, host.names("dev"))):
        return True
    return any(
        host.read(f"sys/bus/pci/devices/{name}/vendor") == _NVIDIA
        and host.read(f"sys/bus/pci/devices/{name}/class").startswith(_DISPLAY)
        for name in host.names("sys/bus/pci/devices")
    )


def _compute(nv: Any, handle: Any) -> Any:
    try:
        return nv.nvmlDeviceGetComputeRunningProcesses_v3(handle)
    except nv.NVMLError_FunctionNotFound:  # drivers before 510
        return nv.nvmlDeviceGetComputeRunningProcesses_v2(handle)


def _mps(nv: Any, handle: Any) -> Any:
    return nv.nvmlDeviceGetMPSComputeRunningProcesses_v3(handle)


PROCESSES: tuple[Question, ...] = (_compute, _mps)
"""Those that compute by themselves, and the clients of the MPS server."""


def text_of(told: str | bytes) -> str:
    """Return a name of NVML, which some versions of its package give as bytes."""
    return told.decode(errors="replace") if isinstance(told, bytes) else told
