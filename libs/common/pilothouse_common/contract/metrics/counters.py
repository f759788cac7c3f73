"""Metrics of the collector perf."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Hardware counters",
    ("ipc", "", "avg", "Instructions per clock cycle."),
    ("instructions", "1/s", "sum", "Instructions executed, kernel and user."),
    ("cycles", "1/s", "sum", "Clock cycles in which cores were not idle."),
    ("flops_any", "F/s", "sum", "Floating-point operations, of any precision."),
    ("flops_dp", "F/s", "sum", "Floating-point operations in double precision."),
    ("flops_sp", "F/s", "sum", "Floating-point operations in single precision."),
    (
        "vectorization_ratio",
        "%",
        "avg",
        "Floating-point instructions that are vector instructions.",
    ),
    ("mem_bw", "B/s", "sum", "Traffic of the memory controllers."),
    ("mem_read_bw", "B/s", "sum", "Data read from memory."),
    ("mem_write_bw", "B/s", "sum", "Data written to memory."),
    ("cache_references", "1/s", "sum", "Accesses to the last level cache."),
    ("cache_misses", "1/s", "sum", "Accesses that the last level cache could not serve."),
    ("cache_miss_ratio", "%", "avg", "Part of the accesses that missed."),
    ("branch_misses", "1/s", "sum", "Branches predicted wrongly."),
    ("branch_miss_ratio", "%", "avg", "Part of the branches that was predicted wrongly."),
    ("clock_busy", "Hz", "avg", "Clock of threads while they are not idle."),
    ("perf_page_faults", "1/s", "sum", "Page faults by socket (detail: all)."),
    ("perf_context_switches", "1/s", "sum", "Context switches by socket (detail: all)."),
    ("perf_cpu_migrations", "1/s", "sum", "Moves of tasks between threads (detail: all)."),
    collectors=("perf",),
    source="perf_event_open(2) or likwid-perfctr: per socket, and the node's sum",
)
