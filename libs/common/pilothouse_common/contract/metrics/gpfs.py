"""Metrics of the collector gpfs."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "GPFS",
    ("gpfs_read_bw", "B/s", "sum", "Data read: per mount, and the node's sum."),
    ("gpfs_write_bw", "B/s", "sum", "Data written: per mount, and the node's sum."),
    ("gpfs_read_req", "1/s", "sum", "Reads: per mount, and the node's sum."),
    ("gpfs_write_req", "1/s", "sum", "Writes: per mount, and the node's sum."),
    ("gpfs_open", "1/s", "sum", "Files opened."),
    ("gpfs_close", "1/s", "sum", "Files closed."),
    ("gpfs_readdir", "1/s", "sum", "Directories read."),
    ("gpfs_inodes", "1/s", "sum", "Inodes updated."),
    collectors=("gpfs",),
    source="mmpmon, request fs_io_s (root)",
)
