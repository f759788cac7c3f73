"""Metrics of the collectors memory."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Memory",
    ("mem_total", "B", "sum", "Memory that the kernel can use."),
    ("mem_used", "B", "sum", "Total less free, buffers and cached (which holds mem_shared)."),
    ("mem_free", "B", "sum", "Memory not used at all."),
    ("mem_available", "B", "sum", "Estimate of what new programs can have without swapping."),
    ("mem_buffers", "B", "sum", "Block device buffers."),
    ("mem_cached", "B", "sum", "Page cache, with shared memory and tmpfs."),
    ("mem_shared", "B", "sum", "Shared memory and tmpfs."),
    ("mem_slab", "B", "sum", "Kernel data structures."),
    ("mem_sreclaimable", "B", "sum", "The part of mem_slab that can be reclaimed."),
    ("mem_anon", "B", "sum", "Anonymous pages mapped by programs."),
    ("mem_dirty", "B", "sum", "Page cache to be written."),
    ("mem_writeback", "B", "sum", "Page cache being written."),
    ("mem_committed", "B", "sum", "Memory promised to programs."),
    ("meminfo_hugepages_*", "", "sum", "Pages of the huge page pool (detail: all)."),
    ("meminfo_*", "B", "sum", "Any other field of /proc/meminfo (detail: all)."),
    ("swap_total", "B", "sum", "Swap space."),
    ("swap_used", "B", "sum", "Swap space in use."),
    ("swap_free", "B", "sum", "Swap space not in use."),
    ("swap_cached", "B", "sum", "Memory that is in swap as well."),
    collectors=("memory",),
    source="/proc/meminfo",
)
