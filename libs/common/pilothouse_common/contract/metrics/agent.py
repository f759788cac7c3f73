"""Metrics of the collectors agent."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Agent",
    ("agent_cpu", "%", "avg", "The agent's CPU time, of one hardware thread."),
    ("agent_rss", "B", "sum", "The agent's resident memory."),
    ("agent_collector_up", "", "avg", "1: the collector answered; 0: it failed or is stuck."),
    ("agent_collector_seconds", "s", "sum", "Wall time of the collector's last answer."),
    (
        "agent_site_seconds",
        "s",
        "sum",
        "Wall time of the last run of a site's command, or read of its file.",
    ),
    ("agent_publish_seconds", "s", "avg", "Wall time of the last publish."),
    ("agent_dropped_messages", "", "sum", "Messages dropped since the agent started."),
    ("agent_spooling", "", "sum", "1: messages go to the spool, because the broker is away."),
    ("agent_waiting_messages", "", "sum", "Messages handed over and not yet published."),
    collectors=("agent",),
    source="the agent itself",
    counters=("agent_dropped_messages",),
)
