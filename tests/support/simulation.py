"""A node's simulation part without the rest of the agent, and programs that connect to it."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pilothouse import Simulation
from pilothouse_agent.host import Host
from pilothouse_agent.settings import AgentSettings
from pilothouse_agent.simulation.part import Simulations
from pilothouse_common.broker.port import Broker
from pilothouse_common.contract.events import EventData, RunFinished, RunStarted, decode_event
from pilothouse_common.contract.message import Message

from tests.support.process import eventually


class Node:
    """The part under test, and what it announced.

    Attributes:
        socket: Its path.
        told: Its events.
    """

    def __init__(self, directory: Path, broker: Broker) -> None:
        self.socket = directory / "sim.sock"
        self.told: list[EventData] = []
        self._broker = broker
        self.part = self._start()

    def _start(self) -> Simulations:
        settings = AgentSettings(
            cluster="alpha",
            hostname="n01",
            broker_url="memory:",
            interval_seconds=0.1,
            simulation_socket=str(self.socket),
        )
        return Simulations(settings, Host(), broker=self._broker, announce=self._announce)

    def _announce(self, message: Message) -> None:
        self.told.append(decode_event(message.body).data)

    def restart(self) -> None:
        self.part.close()
        self.start_again()

    def start_again(self) -> None:
        self.part = self._start()

    def started(self) -> list[RunStarted]:
        return [each for each in self.told if isinstance(each, RunStarted)]

    def finished(self) -> list[RunFinished]:
        return [each for each in self.told if isinstance(each, RunFinished)]

    def values(self) -> dict[str, float]:
        return {sample.name: sample.value for sample in self.part.collector.collect()}

    def simulation(self, name: str = "fluid", **environ: str) -> Simulation:
        return Simulation(name, environ={"PILOTHOUSE_SOCKET": str(self.socket), **environ})

    def connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(5)
        made.connect(str(self.socket))
        return made


@contextmanager
def node(broker: Broker) -> Iterator[Node]:
    """A running part whose socket's path is short enough."""
    with tempfile.TemporaryDirectory(prefix="ph") as directory:
        made = Node(Path(directory), broker)
        try:
            yield made
        finally:
            made.part.close()


def greeted(simulation: Simulation) -> str:
    """Poll until the agent answered; return the run's id."""

    def probe() -> str:
        simulation.poll()
        return simulation.run_id

    return eventually(probe, within=5, every=0.005)


def exchange(connection: socket.socket, *lines: str) -> list[str]:
    """Send lines; return what comes until the other side is silent or closes."""
    connection.sendall("".join(f"{line}\n" for line in lines).encode())
    connection.settimeout(0.3)
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except TimeoutError:
        pass
    return data.decode().splitlines()


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))
