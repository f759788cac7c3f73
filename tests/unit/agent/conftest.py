"""What every test of the agent may meet: the libraries of GPU makers, as tests/support makes them."""

import ctypes

import pytest

from tests.support import amdsmi, nvml


@pytest.fixture(scope="session", autouse=True)
def nvidia_library(tmp_path_factory):
    """Load NVIDIA's: whoever asks for it by its name gets this one; each Tree says what it answers."""
    return ctypes.CDLL(str(nvml.build_library(tmp_path_factory.mktemp("nvml"))))


@pytest.fixture(scope="session", autouse=True)
def amd_library(tmp_path_factory):
    """Load AMD's in the same way."""
    return ctypes.CDLL(str(amdsmi.build_library(tmp_path_factory.mktemp("amdsmi"))))
