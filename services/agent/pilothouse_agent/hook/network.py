"""Publish one event over a network carrier, for as long as a job can be kept waiting and no longer.

Loaded only when the settings name such a carrier: its libraries cost more than ten spooled events.
"""

import logging
import threading

from pilothouse_common.broker.carrier import open_publisher
from pilothouse_common.contract.message import EVENT_CONTENT_TYPE, Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import PilothouseError

from pilothouse_agent.hook.translate import Translated


def publish_within(url: str, event: Translated, *, seconds: float) -> str | None:
    """Return None once the carrier has the event, else what went wrong or that time is over.

    A thread does it, because resolving a name cannot be interrupted. When time is over it is left
    alone; should it still succeed, the spooled event has the same id.
    """
    outcome: list[str | None] = []
    logging.disable(logging.CRITICAL)  # the one line of the hook says it

    def publish() -> None:
        message = Message(
            Exchange.EVENTS,
            event.event_type,
            event.body,
            EVENT_CONTENT_TYPE,
            message_id=event.event_id,
        )
        try:
            publisher = open_publisher(url, name="pilothouse-hook", timeout_seconds=seconds)
            publisher.publish([message])
        except PilothouseError as exc:
            outcome.append(f"broker: {exc}")
        except Exception as exc:  # noqa: BLE001 whatever a library raises: the event is spooled
            outcome.append(f"broker: {type(exc).__name__}: {exc}")
        else:
            outcome.append(None)

    worker = threading.Thread(target=publish, name="publish", daemon=True)
    worker.start()
    worker.join(seconds)
    return outcome[0] if outcome else f"broker: no answer within {seconds:g} s"
