"""Metrics of the collector numa."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Memory domains",
    ("numa_hit", "1/s", "sum", "Pages allocated in the domain that was asked for."),
    ("numa_miss", "1/s", "sum", "Pages allocated here although another domain was asked for."),
    ("numa_foreign", "1/s", "sum", "Pages asked for here and allocated in another domain."),
    ("numa_interleave_hit", "1/s", "sum", "Pages interleaved as intended."),
    ("numa_local", "1/s", "sum", "Pages allocated for a process that ran on this domain."),
    ("numa_other", "1/s", "sum", "Pages allocated for a process that ran on another domain."),
    collectors=("numa",),
    source="/sys/devices/system/node: these, and mem_total, mem_used, mem_free of each domain",
)
