"""Topic matching follows AMQP 0-9-1, and every queue has a place for its failures."""

import pytest
from pilothouse_common.contract.topology import (
    DEAD_LETTERS,
    DURABLE_QUEUES,
    Exchange,
    topic_matches,
)


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("#", "", True),
        ("#", "a.b.c", True),
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("a.#", "a", True),
        ("a.#.d", "a.b.c.d", True),
        ("a.#.d", "a.d", True),
        ("*.b", "a.b", True),
        ("job.started", "job.started", True),
        ("job.started", "job.finished", False),
    ],
)
def test_topic_patterns_match_as_the_broker_does(pattern, key, matches):
    assert topic_matches(pattern, key) is matches


def test_every_exchange_but_commands_has_a_durable_queue():
    bound = {queue.exchange for queue in DURABLE_QUEUES}

    assert bound == set(Exchange) - {Exchange.COMMANDS}
    assert DEAD_LETTERS.exchange is Exchange.DEAD


def test_the_sample_queue_is_bounded_and_event_queues_are_not():
    bounds = {queue.exchange: queue.max_length_bytes for queue in DURABLE_QUEUES}

    assert bounds[Exchange.SAMPLES] > 0
    assert bounds[Exchange.EVENTS] == 0
