"""Metrics of the collector simulation."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Simulations",
    (
        "sim_*",
        "",
        "avg",
        "A variable that a simulation exposes, in its own unit; one series per run.",
    ),
    collectors=("simulation",),
    source="the simulation socket (docs/steering.md)",
)
