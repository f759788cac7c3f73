"""Metrics of the collectors paging, pressure."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Paging and pressure",
    ("page_faults", "1/s", "sum", "Page faults."),
    ("major_page_faults", "1/s", "sum", "Page faults that had to wait for I/O."),
    ("page_in_bw", "B/s", "sum", "Data paged in from block devices."),
    ("page_out_bw", "B/s", "sum", "Data paged out to block devices."),
    ("swap_in_bw", "B/s", "sum", "Data read from swap."),
    ("swap_out_bw", "B/s", "sum", "Data written to swap."),
    ("oom_kills", "1/s", "sum", "Processes killed for want of memory."),
    ("vmstat_nr_*", "", "sum", "Pages of a kind, any nr_ field of /proc/vmstat (detail: all)."),
    ("vmstat_workingset_nodes", "", "sum", "Shadow entries' radix tree nodes (detail: all)."),
    ("vmstat_*", "1/s", "sum", "Any other counter of /proc/vmstat (detail: all)."),
    ("pressure_cpu_some", "%", "avg", "Time in which some task waited for a CPU."),
    ("pressure_cpu_some_avg10", "%", "avg", "The same as the kernel's average of 10 s."),
    ("pressure_io_some", "%", "avg", "Time in which some task waited for I/O."),
    ("pressure_io_some_avg10", "%", "avg", "The same as the kernel's average of 10 s."),
    ("pressure_io_full", "%", "avg", "Time in which all tasks waited for I/O."),
    ("pressure_io_full_avg10", "%", "avg", "The same as the kernel's average of 10 s."),
    ("pressure_memory_some", "%", "avg", "Time in which some task waited for memory."),
    ("pressure_memory_some_avg10", "%", "avg", "The same as the kernel's average of 10 s."),
    ("pressure_memory_full", "%", "avg", "Time in which all tasks waited for memory."),
    ("pressure_memory_full_avg10", "%", "avg", "The same as the kernel's average of 10 s."),
    ("pressure_irq_full", "%", "avg", "Time that interrupts took from all tasks."),
    ("pressure_irq_full_avg10", "%", "avg", "The same as the kernel's average of 10 s."),
    ("pressure_*", "%", "avg", "Averages of 60 s and 300 s (detail: all)."),
    collectors=("paging", "pressure"),
    source="/proc/vmstat, /proc/pressure",
)
