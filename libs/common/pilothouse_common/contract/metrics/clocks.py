"""Metrics of the collectors cpufreq and clock."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Clocks",
    ("clock", "Hz", "avg", "Clock of the cores: mean."),
    ("clock_min", "Hz", "avg", "Clock of the slowest core."),
    ("clock_max", "Hz", "max", "Clock of the fastest core."),
    ("time_synchronized", "", "avg", "1: a time daemon keeps the node's clock; 0: nobody does."),
    ("time_offset", "s", "avg", "What the clock is still being corrected by."),
    ("time_estimated_error", "s", "max", "The time daemon's estimate of the clock's error."),
    ("time_maximum_error", "s", "max", "Bound of the clock's error."),
    ("time_frequency_ppm", "", "avg", "Correction of the clock's speed, parts per million."),
    ("time_step", "s", "max", "By how much the clock was set (or stood still) in the interval."),
    collectors=("cpufreq", "clock"),
    source="/sys/devices/system/cpu/cpufreq, adjtimex(2)",
)
