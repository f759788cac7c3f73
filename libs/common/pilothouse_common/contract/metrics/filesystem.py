"""Metrics of the collectors filesystem."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "File systems",
    ("fs_total", "B", "sum", "Size of the mounted file system."),
    ("fs_used", "B", "sum", "Space in use."),
    ("fs_free", "B", "sum", "Space not in use."),
    ("fs_available", "B", "sum", "Space that ordinary users may still use."),
    ("fs_files", "", "sum", "Inodes."),
    ("fs_files_free", "", "sum", "Inodes not in use."),
    ("fs_up", "", "avg", "1: it answers; 0: an error, or no answer in time (a dead server)."),
    ("fs_read_only", "", "max", "1: mounted read-only."),
    collectors=("filesystem",),
    source="/proc/self/mountinfo, statvfs(3)",
)
