"""Metrics of the collectors limits, links."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Limits and links",
    ("files_open", "", "sum", "Open files of all processes."),
    ("files_max", "", "sum", "Files that may be open."),
    ("tasks_max", "", "sum", "Processes and threads that there may be."),
    ("pids_max", "", "sum", "Process numbers that there may be."),
    ("conntrack_entries", "", "sum", "Connections that the firewall tracks."),
    ("conntrack_max", "", "sum", "Connections that it can track; then new ones are dropped."),
    ("arp_entries", "", "sum", "Neighbours known (IPv4)."),
    ("arp_max", "", "sum", "Neighbours that there may be; then others cannot be reached."),
    ("entropy_bits", "", "avg", "Entropy of the random number generator (detail: all)."),
    ("softnet_packets", "1/s", "sum", "Packets received and processed by the kernel."),
    ("softnet_drops", "1/s", "sum", "Packets dropped because a queue of the kernel was full."),
    ("softnet_squeezes", "1/s", "sum", "Times that processing stopped while packets were left."),
    ("eth_link_up", "", "avg", "1: the interface has a carrier."),
    ("eth_speed", "B/s", "sum", "Speed of the link as it was negotiated."),
    ("eth_link_changes", "1/s", "sum", "Times that the carrier came or went."),
    ("bond_members", "", "sum", "Interfaces of a bond."),
    ("bond_members_up", "", "sum", "Interfaces of a bond whose link is up."),
    collectors=("limits", "links"),
    source="/proc/sys, /proc/net/{arp,softnet_stat}, /sys/class/net",
)
