"""Metrics of the collectors cpu, load, uptime."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "CPU",
    ("cpu_user", "%", "avg", "Time in user mode, of all time of the threads of that level."),
    ("cpu_nice", "%", "avg", "Time in user mode at low priority."),
    ("cpu_system", "%", "avg", "Time in the kernel."),
    ("cpu_idle", "%", "avg", "Time idle."),
    ("cpu_iowait", "%", "avg", "Time idle while a task waited for I/O."),
    ("cpu_irq", "%", "avg", "Time in hardware interrupts."),
    ("cpu_softirq", "%", "avg", "Time in software interrupts."),
    ("cpu_steal", "%", "avg", "Time that the hypervisor gave to others."),
    ("cpu_guest", "%", "avg", "Time running guests; part of cpu_user."),
    ("cpu_guest_nice", "%", "avg", "Time running low-priority guests; part of cpu_nice."),
    ("uptime", "s", "avg", "Time since the node started."),
    ("cpu_load", "", "avg", "Load average of one minute (cc-metric-collector: load_one)."),
    ("load_five", "", "avg", "Load average of five minutes."),
    ("load_fifteen", "", "avg", "Load average of fifteen minutes."),
    ("proc_run", "", "sum", "Tasks running or ready to run."),
    ("proc_running", "", "sum", "Tasks ready to run as /proc/stat counts them."),
    ("proc_total", "", "sum", "Tasks that exist."),
    ("proc_blocked", "", "sum", "Tasks blocked on I/O."),
    ("context_switches", "1/s", "sum", "Context switches."),
    ("interrupts", "1/s", "sum", "Interrupts serviced."),
    ("softirqs", "1/s", "sum", "Software interrupts serviced."),
    ("forks", "1/s", "sum", "Tasks created."),
    collectors=("cpu", "load", "uptime"),
    source="/proc/stat, /proc/loadavg, /proc/uptime",
)
