"""Metrics of the collector beegfs."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "BeeGFS",
    ("beegfs_targets", "", "max", "Metadata and storage targets that the client knows."),
    ("beegfs_targets_offline", "", "max", "Targets that are offline, or probably so."),
    ("beegfs_targets_bad", "", "max", "Targets whose data are not good (they need a resync)."),
    ("beegfs_meta_connections", "", "sum", "Connections to metadata servers."),
    ("beegfs_storage_connections", "", "sum", "Connections to storage servers."),
    ("beegfs_rdma_connections", "", "sum", "Connections over RDMA, of both kinds."),
    ("beegfs_ops", "1/s", "sum", "Requests of all kinds (clients built for debugging)."),
    ("beegfs_read_req", "1/s", "sum", "Reads (clients built for debugging)."),
    ("beegfs_write_req", "1/s", "sum", "Writes (clients built for debugging)."),
    ("beegfs_status_*", "", "sum", "Free buffers and queues of the client (detail: all)."),
    collectors=("beegfs",),
    source="/proc/fs/beegfs",
)
