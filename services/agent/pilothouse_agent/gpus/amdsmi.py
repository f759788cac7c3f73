"""AMD's management library: the only place where amdsmi is imported and its errors are ours.

It ships with ROCm, is not needed, and tells what the kernel's files do not: see amd_more.py. Found only
where both the package and the library are, since the package prints when it misses the library.
Source: AMD SMI Python API reference.
"""

import importlib.util
import os
from collections.abc import Callable
from typing import Any

from pilothouse_agent.gpus.device import NotOffered, NoValue

LIBRARY = "libamd_smi.so"


class AmdSmi:
    """The library, loaded; ``start`` starts it.

    Args:
        package: amdsmi.
    """

    def __init__(self, package: Any) -> None:
        self._package = package
        self._started = False
        names = ("INVAL", "NOT_SUPPORTED", "NOT_YET_IMPLEMENTED", "NO_PERM", "UNEXPECTED_DATA")
        codes = (getattr(package.amdsmi_wrapper, f"AMDSMI_STATUS_{name}", None) for name in names)
        self._never = frozenset(code for code in codes if code is not None)

    def start(self) -> dict[str, Any]:
        """Start it (anew) and return a handle per PCI address; none where it cannot be started."""
        self.close()
        smi = self._package
        try:
            smi.amdsmi_init()
            self._started = True
            handles = smi.amdsmi_get_processor_handles()
            return {smi.amdsmi_get_gpu_device_bdf(handle).lower(): handle for handle in handles}
        except smi.AmdSmiException:
            return {}  # the kernel's files tell the most, and the library nothing

    def close(self) -> None:
        """Stop it. Idempotent."""
        if self._started:
            self._started = False
            try:
                self._package.amdsmi_shut_down()
            except self._package.AmdSmiException:
                return  # its driver went away, and with it what was to be released

    def ask(self, question: Callable[[Any, Any], Any], handle: Any) -> Any:
        """Return ``question(amdsmi, handle)``.

        Raises:
            NotOffered: It never will be answered.
            NoValue: Not this time.
        """
        smi = self._package
        try:
            return question(smi, handle)
        except smi.AmdSmiLibraryException as exc:
            if exc.err_code in self._never:
                raise NotOffered(str(exc)) from exc
            raise NoValue(str(exc)) from exc
        except (
            smi.AmdSmiException,
            AttributeError,
            KeyError,
        ) as exc:  # another version of the package
            raise NotOffered(str(exc)) from exc


def open_amdsmi() -> AmdSmi | None:
    """Return the library, or None where the package or the library is not here."""
    if importlib.util.find_spec("amdsmi") is None or not _has_library():
        return None
    try:
        import amdsmi
    except Exception:  # noqa: BLE001 a package of another version than the library; it is not needed
        return None
    return AmdSmi(amdsmi)


def _has_library() -> bool:
    """Tell whether the package will find it: it looks in these places, too."""
    import ctypes  # here: it takes memory that nodes without a card need not spend

    rocm = os.environ.get("ROCM_HOME") or os.environ.get("ROCM_PATH") or "/opt/rocm"
    for path in (LIBRARY, os.path.join(rocm, "lib", LIBRARY)):
        try:
            ctypes.CDLL(path)
        except OSError:
            continue  # the next place
        return True
    return False
