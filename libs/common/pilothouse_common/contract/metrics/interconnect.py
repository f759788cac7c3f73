"""Metrics of the collectors infiniband."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Interconnect",
    ("ic_read_bw", "B/s", "sum", "Data received: per port, and the node's sum."),
    ("ic_write_bw", "B/s", "sum", "Data sent: per port, and the node's sum."),
    ("ic_rcv_packets", "1/s", "sum", "Packets received: per port, and the node's sum."),
    ("ic_send_packets", "1/s", "sum", "Packets sent: per port, and the node's sum."),
    ("ib_link_up", "", "avg", "1: the port is active; 0: it is not, or does not tell."),
    ("ib_physical_link_up", "", "avg", "1: the physical link is up."),
    ("ib_rate", "B/s", "sum", "Speed of the link as it was negotiated."),
    ("ib_symbol_errors", "1/s", "sum", "Minor link errors on some lane."),
    ("ib_link_downs", "1/s", "sum", "Times that the link went down."),
    ("ib_link_recoveries", "1/s", "sum", "Times that the link recovered from an error."),
    ("ib_receive_errors", "1/s", "sum", "Packets received with an error."),
    ("ib_send_discards", "1/s", "sum", "Packets discarded because the port was down or congested."),
    ("ib_send_wait", "1/s", "sum", "Ticks of the port in which data waited for credits."),
    ("ib_out_of_sequence", "1/s", "sum", "Packets received out of sequence (RoCE: lost before)."),
    ("ib_ack_timeouts", "1/s", "sum", "Timeouts of a queue pair's acknowledgement."),
    ("ib_congestion_notifications", "1/s", "sum", "Congestion notifications that slowed sending."),
    ("ib_*", "1/s", "sum", "Any other counter of a port (detail: all)."),
    ("ib_hw_*", "1/s", "sum", "Any other counter of a driver (detail: all)."),
    collectors=("infiniband",),
    source="/sys/class/infiniband",
)
