"""On a machine with a GPU: make test-gpu. CI has none and does not collect this directory."""

import pytest

from tests.gpu.compare import check


@pytest.mark.gpu
def test_our_values_under_load_are_those_of_nvidia_smi():
    assert check() == []
