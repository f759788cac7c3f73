"""Metrics of the collector lustre."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Lustre",
    ("lustre_read_bw", "B/s", "sum", "Data read: per mount, and the node's sum."),
    ("lustre_write_bw", "B/s", "sum", "Data written: per mount, and the node's sum."),
    ("lustre_read_req", "1/s", "sum", "Reads: per mount, and the node's sum."),
    ("lustre_write_req", "1/s", "sum", "Writes: per mount, and the node's sum."),
    ("lustre_open", "1/s", "sum", "Files opened."),
    ("lustre_close", "1/s", "sum", "Files closed."),
    ("lustre_seek", "1/s", "sum", "Seeks."),
    ("lustre_fsync", "1/s", "sum", "Calls of fsync."),
    ("lustre_create", "1/s", "sum", "Files created (since Lustre 2.13)."),
    ("lustre_getattr", "1/s", "sum", "Attributes read."),
    ("lustre_accesses", "1/s", "sum", "Checks of permissions."),
    ("lustre_read_latency", "s", "avg", "Mean time of a read (since Lustre 2.13)."),
    ("lustre_write_latency", "s", "avg", "Mean time of a write (since Lustre 2.13)."),
    ("lustre_*", "1/s", "sum", "Any other operation of llite's statistics (detail: all)."),
    collectors=("lustre",),
    source="llite/*/stats in /proc/fs/lustre or /sys/kernel/debug/lustre (root)",
)
