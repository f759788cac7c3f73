"""Metrics of the collectors hwmon, thermal and edac: what ails a node's hardware."""

from pilothouse_common.contract.metrics.catalogue import group

GROUP = group(
    "Heat and hardware errors",
    ("cpu_temperature", "degC", "max", "Temperature of a CPU package."),
    ("sensor_temperature", "degC", "max", "Temperature of a sensor."),
    ("sensor_fan_rpm", "", "avg", "Speed of a fan, revolutions per minute."),
    ("sensor_voltage", "V", "avg", "Voltage at a sensor."),
    ("sensor_current", "A", "sum", "Current at a sensor."),
    ("sensor_power", "W", "sum", "Power at a sensor."),
    ("sensor_energy", "J", "sum", "Energy that a sensor has counted."),
    ("zone_temperature", "degC", "max", "Temperature of a thermal zone of the kernel."),
    ("cooling_state", "%", "avg", "How far cooling of a type is on, mean of its devices."),
    ("throttle_cores", "1/s", "sum", "Times that cores were slowed because of their heat."),
    ("throttle_package", "1/s", "sum", "Times that a package was slowed because of its heat."),
    ("throttle_package_time", "%", "avg", "Time in which a package was slowed."),
    ("edac_corrected_errors", "", "sum", "Memory errors corrected since the driver was loaded."),
    ("edac_uncorrected_errors", "", "sum", "Memory errors that could not be corrected."),
    collectors=("hwmon", "thermal", "edac"),
    source="/sys/class/{hwmon,thermal}, thermal_throttle, /sys/devices/system/edac",
    counters=("sensor_energy", "edac_corrected_errors", "edac_uncorrected_errors"),
)
