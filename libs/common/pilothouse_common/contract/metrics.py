"""The catalogue of metrics: what each name means, its unit, and how nodes add up.

Names follow ClusterCockpit (job-data schema and cc-metric-collector); units are base units, where
cc-metric-collector counts memory in kByte; rates are per second. docs/metrics.md is generated from
this table, and a test holds collectors to it.
"""

from dataclasses import dataclass
from typing import Literal

Combine = Literal["sum", "avg", "max"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue.

    Attributes:
        name: The measurement; ending in ``*``, every name that begins so (fields that differ
            from kernel to kernel) and has no row of its own.
        unit: ``%``, ``B``, ``B/s``, ``1/s``, ``s``, ``J``, ``W`` or empty for a plain number.
        combine: How values of several nodes (or parts of one node) become one.
        group: Heading under which people look for it.
        help: One sentence.
    """

    name: str
    unit: str
    combine: Combine
    group: str
    help: str


def _rows(group: str, *rows: tuple[str, str, Combine, str]) -> tuple[Metric, ...]:
    return tuple(Metric(name, unit, combine, group, text) for name, unit, combine, text in rows)


METRICS: tuple[Metric, ...] = (
    *_rows(
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
    ),
    *_rows(
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
    ),
    *_rows(
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
    ),
    *_rows(
        "Block devices",
        ("disk_read_bw", "B/s", "sum", "Data read: per device, and the node's sum."),
        ("disk_write_bw", "B/s", "sum", "Data written: per device, and the node's sum."),
        ("disk_read_ops", "1/s", "sum", "Reads completed."),
        ("disk_write_ops", "1/s", "sum", "Writes completed."),
        ("disk_in_flight", "", "sum", "Requests in flight now."),
        ("disk_busy", "%", "avg", "Time in which at least one request was in flight."),
        ("disk_queue", "", "sum", "Mean number of requests in flight."),
        ("disk_read_merges", "1/s", "sum", "Reads merged before they were queued."),
        ("disk_write_merges", "1/s", "sum", "Writes merged before they were queued."),
        ("disk_read_time", "%", "sum", "Time spent by all reads; above 100 when they overlap."),
        ("disk_write_time", "%", "sum", "Time spent by all writes; above 100 when they overlap."),
        ("disk_discard_ops", "1/s", "sum", "Discards completed."),
        ("disk_discard_merges", "1/s", "sum", "Discards merged before they were queued."),
        ("disk_discard_bw", "B/s", "sum", "Data discarded."),
        ("disk_discard_time", "%", "sum", "Time spent by all discards."),
        ("disk_flush_ops", "1/s", "sum", "Flushes completed."),
        ("disk_flush_time", "%", "sum", "Time spent by all flushes."),
    ),
    *_rows(
        "File systems",
        ("fs_total", "B", "sum", "Size of the mounted file system."),
        ("fs_used", "B", "sum", "Space in use."),
        ("fs_free", "B", "sum", "Space not in use."),
        ("fs_available", "B", "sum", "Space that ordinary users may still use."),
        ("fs_files", "", "sum", "Inodes."),
        ("fs_files_free", "", "sum", "Inodes not in use."),
        ("fs_up", "", "avg", "1: it answers; 0: an error, or no answer in time (a dead server)."),
        ("fs_read_only", "", "max", "1: mounted read-only."),
    ),
    *_rows(
        "Network",
        ("net_bw", "B/s", "sum", "Data received and sent on all hardware interfaces."),
        ("eth_read_bw", "B/s", "sum", "Data received: per interface, and the node's sum."),
        ("eth_write_bw", "B/s", "sum", "Data sent: per interface, and the node's sum."),
        ("eth_read_pkts", "1/s", "sum", "Packets received."),
        ("eth_write_pkts", "1/s", "sum", "Packets sent."),
        ("eth_read_errors", "1/s", "sum", "Bad packets received."),
        ("eth_write_errors", "1/s", "sum", "Packets that could not be sent."),
        ("eth_read_drops", "1/s", "sum", "Packets received and dropped."),
        ("eth_write_drops", "1/s", "sum", "Packets dropped before sending."),
        ("eth_read_fifo_errors", "1/s", "sum", "Receive FIFO overruns."),
        ("eth_read_frame_errors", "1/s", "sum", "Packets with a framing error."),
        ("eth_read_compressed", "1/s", "sum", "Compressed packets received."),
        ("eth_read_multicast", "1/s", "sum", "Multicast packets received."),
        ("eth_write_fifo_errors", "1/s", "sum", "Send FIFO errors."),
        ("eth_write_collisions", "1/s", "sum", "Collisions."),
        ("eth_write_carrier_errors", "1/s", "sum", "Losses of carrier."),
        ("eth_write_compressed", "1/s", "sum", "Compressed packets sent."),
        ("tcp_established", "", "sum", "Established TCP connections."),
        ("tcp_active_opens", "1/s", "sum", "TCP connections opened from here."),
        ("tcp_passive_opens", "1/s", "sum", "TCP connections accepted."),
        ("tcp_retransmits", "1/s", "sum", "TCP segments sent again."),
        ("tcp_in_errors", "1/s", "sum", "Bad TCP segments received."),
        ("tcp_listen_drops", "1/s", "sum", "Connections dropped because a listen queue was full."),
        ("tcp_timeouts", "1/s", "sum", "TCP retransmission timeouts."),
        ("udp_in_errors", "1/s", "sum", "UDP datagrams that could not be delivered."),
        ("udp_receive_buffer_errors", "1/s", "sum", "UDP datagrams lost to a full buffer."),
        ("netstat_ip_forwarding", "", "max", "1: forwards, 2: does not."),
        ("netstat_ip_defaultttl", "", "avg", "Default time to live."),
        ("netstat_tcp_rto*", "", "avg", "Retransmission algorithm and bounds in ms (detail: all)."),
        ("netstat_tcp_maxconn", "", "avg", "Most connections; -1: no limit (detail: all)."),
        ("netstat_*", "1/s", "sum", "Any other counter of /proc/net/{snmp,netstat,snmp6}."),
        ("sockets_used", "", "sum", "Sockets of all kinds."),
        ("sockets_tcp_inuse", "", "sum", "TCP sockets in use."),
        ("sockets_tcp_orphan", "", "sum", "TCP sockets that no process holds."),
        ("sockets_tcp_tw", "", "sum", "TCP sockets in TIME_WAIT."),
        ("sockets_tcp_alloc", "", "sum", "TCP sockets allocated."),
        ("sockets_tcp_mem", "B", "sum", "Memory of TCP sockets."),
        ("sockets_udp_inuse", "", "sum", "UDP sockets in use."),
        ("sockets_udp_mem", "B", "sum", "Memory of UDP sockets."),
        ("sockets_tcp6_inuse", "", "sum", "TCP sockets over IPv6 in use."),
        ("sockets_udp6_inuse", "", "sum", "UDP sockets over IPv6 in use."),
        ("sockets_frag_memory", "B", "sum", "Memory of IP fragments (detail: all)."),
        ("sockets_frag6_memory", "B", "sum", "Memory of IPv6 fragments (detail: all)."),
        ("sockets_*", "", "sum", "Sockets of any other protocol (detail: all)."),
    ),
    *_rows(
        "Agent",
        ("agent_cpu", "%", "avg", "The agent's CPU time, of one hardware thread."),
        ("agent_rss", "B", "sum", "The agent's resident memory."),
        ("agent_collector_up", "", "avg", "1: the collector answered; 0: it failed or is stuck."),
        ("agent_collector_seconds", "s", "sum", "Wall time of the collector's last answer."),
        ("agent_publish_seconds", "s", "avg", "Wall time of the last publish."),
        ("agent_dropped_messages", "", "sum", "Messages dropped since the agent started."),
        ("agent_spooling", "", "sum", "1: messages go to the spool, because the broker is away."),
        ("agent_waiting_messages", "", "sum", "Messages handed over and not yet published."),
    ),
)

_EXACT = {metric.name: metric for metric in METRICS}
_FAMILIES = sorted(
    (metric for metric in METRICS if metric.name.endswith("*")),
    key=lambda metric: -len(metric.name),
)


def find_metric(name: str) -> Metric | None:
    """Return the row of a name: its own, else that of the longest family it belongs to."""
    row = _EXACT.get(name)
    if row is None:
        row = next((m for m in _FAMILIES if name.startswith(m.name[:-1])), None)
    return row
