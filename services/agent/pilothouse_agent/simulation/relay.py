"""Between the broker and the simulations: takes commands, gives replies. Connects at the first run."""

import contextlib
import logging
import threading
from queue import Full, Queue

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.port import Broker, Consumer, Disposition
from pilothouse_common.contract.commands import Command, Reply, decode_command, reply_message
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import commands_of
from pilothouse_common.errors import PilothouseError, Rejected, Unroutable

from pilothouse_agent.simulation.execute import Executor
from pilothouse_agent.simulation.server import SimulationServer

log = logging.getLogger(__name__)
RECEIVE_SECONDS = 0.3  # how long the end of the process waits at most
JOIN_SECONDS = 3.0
PREFETCH = 32
MAX_REPLIES = 256


class Relay:
    """Two threads: one receives commands, one publishes replies.

    Args:
        broker: Where both are; its owner closes it.
        word: First part of the run ids of this node.
    """

    def __init__(self, broker: Broker, word: str) -> None:
        self._broker = broker
        self._word = word
        self._server: SimulationServer | None = None
        self._executor = Executor(self._put)
        self._replies: Queue[Message | None] = Queue(MAX_REPLIES)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._receive, name="commands", daemon=True),
            threading.Thread(target=self._publish, name="replies", daemon=True),
        ]

    def serve(self, server: SimulationServer) -> None:
        """Begin to take commands for the server's runs. Never blocks."""
        self._server = server
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop; commands that come from now on get no reply."""
        self._stop.set()
        with contextlib.suppress(Full):  # it looks at _stop after every reply
            self._replies.put_nowait(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=JOIN_SECONDS)

    def _put(self, command: Command, reply: Reply) -> None:
        try:
            self._replies.put_nowait(reply_message(command, reply))
        except Full:
            log.warning("reply dropped: the broker takes none", extra={"command": command.id})

    def _receive(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            consumer: Consumer | None = None
            try:
                consumer = self._broker.consumer(commands_of(self._word), prefetch=PREFETCH)
                while not self._stop.is_set():
                    self._take(consumer)
                    backoff.reset()
            except PilothouseError as exc:
                log.warning("commands are not received", extra={"reason": str(exc)})
                self._stop.wait(backoff.next_seconds())
            finally:
                if consumer is not None:
                    consumer.close()

    def _take(self, consumer: Consumer) -> None:
        delivery = consumer.receive(RECEIVE_SECONDS)
        if delivery is None:
            return
        consumer.settle([delivery], Disposition.ACK)
        try:
            command = decode_command(delivery.message.body)
        except Rejected as exc:
            log.warning("command refused", extra={"reason": str(exc)})
            return
        server = self._server
        assert server is not None
        server.submit(lambda the_server: self._executor.execute(the_server, command))

    def _publish(self) -> None:
        publisher = self._broker.publisher()
        while not self._stop.is_set():
            message = self._replies.get()
            if message is None:
                break
            try:
                publisher.publish([message])
            except Unroutable:
                log.info("reply dropped: nobody waits for it any more")
            except PilothouseError as exc:
                log.warning("reply dropped", extra={"reason": str(exc)})
        publisher.close()
