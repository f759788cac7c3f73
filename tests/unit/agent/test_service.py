"""The composed agent inside one process, on the in-process broker: what pilothouse-standalone runs."""

import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from pilothouse_agent.service import AgentService, build
from pilothouse_agent.settings import AgentSettings
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.contract.events import decode_event
from pilothouse_common.contract.samples import decompress, parse_lines
from pilothouse_common.contract.topology import INGEST_EVENTS, INGEST_SAMPLES
from pilothouse_common.errors import ConfigError, PilothouseError

from tests.support.process import eventually, free_port
from tests.unit.agent.tree import small


@contextmanager
def running(service: AgentService):
    stop = threading.Event()
    thread = threading.Thread(target=service.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        service.close()
        assert not thread.is_alive()


def settings(**more) -> AgentSettings:
    given = {"broker_url": "memory:", "hostname": "n01", "interval_seconds": 0.1, "spool_dir": ""}
    return AgentSettings(**{**given, **more})


@pytest.fixture
def broker():
    broker = MemoryBroker()
    yield broker
    broker.close()


def test_samples_and_report_go_through_the_in_process_broker(tmp_path, broker):
    samples = broker.consumer(INGEST_SAMPLES, prefetch=10)
    events = broker.consumer(INGEST_EVENTS, prefetch=10)
    tree = small(tmp_path)
    service = build(settings(host_root=str(tree.root)), publisher=broker.publisher())

    with running(service):
        sample = eventually(lambda: samples.receive(1), within=20)
        event = eventually(lambda: events.receive(1), within=20)
        service.checks()["publisher"]()

    names = {p.name for p in parse_lines(decompress(sample.message.body).decode())}
    assert {"mem_used", "pressure_io_some_avg10", "fs_used"} <= names
    assert decode_event(event.message.body).data.subject == "cluster/nodes/n01"


def test_an_agent_that_cannot_publish_is_not_ready(tmp_path, broker):
    service = build(settings(), publisher=broker.publisher())
    broker.close()

    def unready():
        try:
            service.checks()["publisher"]()
        except PilothouseError as exc:
            return str(exc)
        return ""

    with running(service):
        assert eventually(unready, within=20)


def test_a_health_port_shows_how_publishing_goes(tmp_path, broker):
    port = free_port()
    service = build(settings(health_port=port), publisher=broker.publisher())

    with running(service), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()

    assert "pilothouse_agent_dropped_messages 0.0" in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hostname": "a/b"}, "PILOTHOUSE_HOSTNAME"),
        ({"collectors": ("cpu", "warp")}, "warp"),
        ({"exclude_devices": ("(",)}, "PILOTHOUSE_EXCLUDE_DEVICES"),
    ],
)
def test_a_wrong_setting_starts_nothing(tmp_path, broker, wrong, said):
    before = threading.active_count()

    with pytest.raises(ConfigError, match=said):
        build(settings(**wrong), publisher=broker.publisher())

    assert threading.active_count() == before
