"""Asks runs over the broker: a command out, its reply back, within a time.

One temporary queue takes the replies to all commands of this process; it is made at the first question.
"""

import logging
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from uuid import uuid4

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.port import Broker, Consumer, Disposition, Publisher
from pilothouse_common.contract.commands import (
    Command,
    CommandArguments,
    Reply,
    command_message,
    decode_reply,
    new_command,
)
from pilothouse_common.contract.message import COMMAND_CONTENT_TYPE, Message
from pilothouse_common.contract.topology import Exchange, replies_to
from pilothouse_common.errors import (
    BrokerUnavailable,
    Busy,
    Conflict,
    NoAnswer,
    PilothouseError,
    Rejected,
    Unroutable,
)

log = logging.getLogger(__name__)
MAX_WAITING = 24
READY_SECONDS = 5.0
GRACE_SECONDS = 1.0
"""After a command's deadline: the agent says itself that the simulation did not answer."""
_RECEIVE_SECONDS = 0.3  # how long the end of the process waits at most
_PREFETCH = 64
_PROBE_WAIT_SECONDS = 0.02


class CommandAsker:
    """Sends commands and waits for replies, from any thread.

    Args:
        broker: Its owner closes it.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._asker = uuid4().hex
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[Reply]] = {}
        self._publisher: Publisher | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._bound = threading.Event()

    def ask(
        self, run_id: str, arguments: CommandArguments, *, subject: str, timeout_seconds: float
    ) -> Reply:
        """Return the reply of whoever has the run.

        Raises:
            Conflict: Nobody has the run: it ended, or its agent is not there.
            NoAnswer: No reply in time.
            Busy: Too many questions wait.
            BrokerUnavailable: Commands cannot be sent now.
        """
        command = new_command(
            run_id,
            arguments,
            subject=subject,
            asker=self._asker,
            timeout_seconds=timeout_seconds,
        )
        waiting: Future[Reply] = Future()
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                raise Busy(f"{MAX_WAITING} commands wait for their replies already")
            self._waiting[command.id] = waiting
        try:
            return self._send_and_wait(command, waiting, timeout_seconds)
        finally:
            with self._lock:
                del self._waiting[command.id]

    def close(self) -> None:
        """Stop; who waits gets NoAnswer in its time. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        if self._publisher is not None:
            self._publisher.close()

    def _send_and_wait(
        self, command: Command, waiting: "Future[Reply]", timeout_seconds: float
    ) -> Reply:
        publisher = self._ready()
        try:
            publisher.publish([command_message(command)])
        except Unroutable as exc:
            raise Conflict(
                f"run {command.run_id} is not connected: no agent takes commands for it"
            ) from exc
        try:
            return waiting.result(timeout_seconds + GRACE_SECONDS)
        except FutureTimeout as exc:
            raise NoAnswer(
                f"no answer within {timeout_seconds:g} s: the agent of run {command.run_id} is slow or "
                "gone; look at the run, then ask again"
            ) from exc

    def _ready(self) -> Publisher:
        """Return the publisher once replies would reach us: a message to ourselves says so."""
        with self._lock:
            if self._publisher is None:
                self._publisher = self._broker.publisher()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="replies", daemon=True)
                self._thread.start()
            publisher = self._publisher
        if not self._bound.wait(READY_SECONDS):
            raise BrokerUnavailable("replies cannot be received now")
        return publisher

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            consumer: Consumer | None = None
            try:
                consumer = self._broker.consumer(replies_to(self._asker), prefetch=_PREFETCH)
                self._await_binding(consumer)
                self._bound.set()
                backoff.reset()
                while not self._stop.is_set():
                    self._take(consumer, _RECEIVE_SECONDS)
            except PilothouseError as exc:
                self._bound.clear()
                log.warning("replies are not received", extra={"reason": str(exc)})
                self._stop.wait(backoff.next_seconds())
            finally:
                if consumer is not None:
                    consumer.close()

    def _await_binding(self, consumer: Consumer) -> None:
        assert self._publisher is not None
        probe = Message(Exchange.COMMANDS, f"reply.{self._asker}.ready", b"", COMMAND_CONTENT_TYPE)
        while not self._stop.is_set():
            self._take(consumer, _PROBE_WAIT_SECONDS)
            try:
                self._publisher.publish([probe])
            except Unroutable:
                continue
            return

    def _take(self, consumer: Consumer, seconds: float) -> None:
        delivery = consumer.receive(seconds)
        if delivery is None:
            return
        consumer.settle([delivery], Disposition.ACK)
        if not delivery.message.body:
            return
        try:
            reply = decode_reply(delivery.message.body)
        except Rejected as exc:
            log.warning("reply refused", extra={"reason": str(exc)})
            return
        with self._lock:
            waiting = self._waiting.get(reply.command_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
