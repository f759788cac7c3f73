"""Memory and swap from /proc/meminfo, in bytes."""

import pytest
from pilothouse_agent.collectors.memory import MemoryCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable

from tests.unit.agent.tree import USUAL, Tree, values

MEMINFO = """MemTotal:       1000 kB
MemFree:         300 kB
MemAvailable:    700 kB
Buffers:          50 kB
Cached:          250 kB
Active(anon):     40 kB
Shmem:            20 kB
SwapTotal:       500 kB
SwapFree:        100 kB
HugePages_Total:   3
"""


def collect(tmp_path, text: str, options: Options = USUAL) -> dict[str, float]:
    collector = MemoryCollector(Tree(tmp_path, {"proc/meminfo": text}).host, options)
    return values(collector.collect())


def test_memory_is_told_in_bytes(tmp_path):
    got = collect(tmp_path, MEMINFO)

    assert got["mem_total"] == 1000 * 1024
    assert got["mem_available"] == 700 * 1024
    assert got["mem_shared"] == 20 * 1024


def test_used_is_what_is_neither_free_nor_cache(tmp_path):
    got = collect(tmp_path, MEMINFO)

    assert got["mem_used"] == 400 * 1024
    assert got["swap_used"] == 400 * 1024


def test_all_fields_have_names_of_their_own(tmp_path):
    got = collect(tmp_path, MEMINFO, Options(all_fields=True))

    assert got["meminfo_active_anon"] == 40 * 1024
    assert got["meminfo_hugepages_total"] == 3
    assert len(got) == 10 + 2


def test_a_kernel_without_swap_tells_no_swap(tmp_path):
    text = "".join(line for line in MEMINFO.splitlines(True) if not line.startswith("Swap"))

    assert not [name for name in collect(tmp_path, text) if name.startswith("swap")]


def test_a_node_without_meminfo_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="meminfo"):
        MemoryCollector(Tree(tmp_path).host, Options())
