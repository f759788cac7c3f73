"""The agent's optional port: /healthz, /readyz, /metrics. Loaded only when a port is set."""

from collections.abc import Iterator

from pilothouse_common.contract.metrics.table import find_metric
from pilothouse_common.runtime.health import HealthServer
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from pilothouse_agent.outbox import Outbox
from pilothouse_agent.settings import AgentSettings


def open_health(settings: AgentSettings, outbox: Outbox) -> HealthServer:
    """Listen where the settings say."""
    registry = CollectorRegistry()
    registry.register(_Publishing(outbox))
    return HealthServer(
        settings.health_host,
        settings.health_port,
        checks={"publisher": outbox.check},
        registry=registry,
    )


class _Publishing:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for sample in self._outbox.samples():
            metric = find_metric(sample.name)
            name = f"pilothouse_{sample.name}"
            yield GaugeMetricFamily(name, metric.help if metric else "", value=sample.value)
