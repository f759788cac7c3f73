"""Metrics of the collectors disk."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
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
    collectors=("disk",),
    source="/proc/diskstats",
)
