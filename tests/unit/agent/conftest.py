"""What every test of the agent may meet: NVIDIA's library, as tests/support/nvml makes it."""

import ctypes

import pytest

from tests.support.nvml import build_library


@pytest.fixture(scope="session", autouse=True)
def nvidia_library(tmp_path_factory):
    """Load it, so that whoever asks for it by its name gets this one; each Tree says what it answers."""
    return ctypes.CDLL(str(build_library(tmp_path_factory.mktemp("nvml"))))
