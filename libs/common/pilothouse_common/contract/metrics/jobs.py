"""Metrics of the collector cgroup: what belongs to one job, with its ``jobid``."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Job",
    ("jobs_running", "", "sum", "Jobs that have a cgroup on the node."),
    ("jobs_unknown", "", "sum", "Cgroups of jobs whose job id nothing tells (Slurm 26.05)."),
    ("job_user_cpu", "%", "sum", "CPU time in user mode; 100: one hardware thread is busy."),
    ("job_sys_cpu", "%", "sum", "CPU time in the kernel; 100: one hardware thread is busy."),
    ("job_hwthreads", "", "sum", "Hardware threads that the job may use, when confined to some."),
    ("job_cpu_used", "%", "avg", "CPU time used, of all time of the job's hardware threads."),
    ("job_cpu_throttled", "%", "sum", "Time in which the job had to wait for its CPU quota."),
    ("job_mem_used", "B", "sum", "Anonymous and shared memory; never the page cache."),
    ("job_mem_cache", "B", "sum", "Page cache of the job's files, which the kernel can take back."),
    ("job_max_mem_used", "B", "sum", "Most memory charged at once, with its page cache."),
    ("job_mem_limit", "B", "sum", "Memory that the job may use; not told without a limit."),
    ("job_swap_used", "B", "sum", "Swap space in use."),
    ("job_oom_kills", "", "sum", "Processes killed for want of memory since the job began."),
    ("job_mem_failures", "", "sum", "Times at which the memory limit was hit since it began."),
    ("job_pressure_cpu_some", "%", "avg", "Time in which some task waited for a CPU."),
    ("job_pressure_memory_some", "%", "avg", "Time in which some task waited for memory."),
    ("job_pressure_memory_full", "%", "avg", "Time in which all tasks waited for memory."),
    ("job_pressure_io_some", "%", "avg", "Time in which some task waited for I/O."),
    ("job_pressure_io_full", "%", "avg", "Time in which all tasks waited for I/O."),
    ("job_io_read_bw", "B/s", "sum", "Data read from block devices."),
    ("job_io_write_bw", "B/s", "sum", "Data written to block devices."),
    ("job_io_read_ops", "1/s", "sum", "Reads of block devices."),
    ("job_io_write_ops", "1/s", "sum", "Writes of block devices."),
    ("job_tasks", "", "sum", "Processes and their threads, as the pids controller counts them."),
    collectors=("cgroup",),
    source="cgroups of Slurm, v1 and v2",
    counters=("job_oom_kills", "job_mem_failures"),
)
