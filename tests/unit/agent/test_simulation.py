"""The agent's side of the simulation socket: who may say what, and that nobody can do harm with it."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.contract.commands import (
    Command,
    CommandArguments,
    FunctionCall,
    FunctionsList,
    Reply,
    VariableGet,
    VariableSet,
    VariablesList,
    command_message,
    decode_reply,
)
from pilothouse_common.contract.topology import replies_to
from pilothouse_common.errors import Unroutable

from tests.support.process import eventually
from tests.support.simulation import Node, greeted, node

ASKER = "c" * 32


class Asker:
    """Sends commands over the broker and reads replies."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._publisher = broker.publisher()
        self._replies = broker.consumer(replies_to(ASKER), prefetch=50)

    def send(self, run_id: str, arguments: CommandArguments, *, seconds=5.0, command_id="") -> None:
        command_id = command_id or uuid4().hex
        command = Command(
            id=command_id,
            run_id=run_id,
            subject="ada",
            deadline=datetime.now(UTC) + timedelta(seconds=seconds),
            reply_to=f"reply.{ASKER}.{command_id}",
            arguments=arguments,
        )
        eventually(lambda: self._published(command), within=5)

    def _published(self, command: Command) -> bool:
        try:
            self._publisher.publish([command_message(command)])
        except Unroutable:
            return False
        return True

    def reply(self, within: float = 5.0) -> Reply:
        delivery = self._replies.receive(within)
        assert delivery is not None, "no reply"
        return decode_reply(delivery.message.body)

    def ask(self, run_id: str, arguments: CommandArguments, poll=None, *, seconds=5.0) -> Reply:
        self.send(run_id, arguments, seconds=seconds)
        stop = threading.Event()
        poller = threading.Thread(
            target=lambda: [poll() for _ in iter(lambda: stop.wait(0.01), True)]
        )
        if poll:
            poller.start()
        try:
            return self.reply()
        finally:
            stop.set()
            if poll:
                poller.join()


@pytest.fixture
def broker():
    made = MemoryBroker()
    yield made
    made.close()


@pytest.fixture
def here(broker):
    with node(broker) as made:
        yield made


@pytest.fixture
def asker(broker):
    return Asker(broker)


@pytest.fixture
def fluid(here):
    made = Fluid(here)
    yield made
    made.sim.close()


class Fluid:
    """A simulation of the tests."""

    def __init__(self, here: Node) -> None:
        self.dt, self.steps, self.title = 0.5, 3, "two words %"
        self.called: list[tuple[int, str]] = []
        self.sim = here.simulation()
        self.sim.variable("dt", lambda: self.dt, self.set_dt, unit="s", min=0, max=1)
        self.sim.variable("steps", lambda: self.steps)
        self.sim.variable("title", lambda: self.title, lambda text: setattr(self, "title", text))
        self.sim.function("stop", self.stop, step=int, why=str)
        self.run_id = greeted(self.sim)
        eventually(self.told, within=5)
        self.here = here

    def told(self) -> bool:
        self.sim.poll()
        return bool(self.sim.connected)

    def set_dt(self, dt: float) -> None:
        if dt == 0.125:
            raise ValueError("unstable at 0.125")
        self.dt = dt

    def stop(self, step: int, why: str) -> str:
        self.called.append((step, why))
        return f"stops at {step}"


def test_a_run_starts_with_what_the_kernel_says_of_its_process(here, fluid):
    [started] = eventually(here.started, within=5)

    assert (started.run_id, started.name, started.pid) == (fluid.run_id, "fluid", os.getpid())
    assert (started.uid, started.hostname, started.cluster) == (os.getuid(), "n01", "alpha")
    assert abs(started.start_time.timestamp() - time.time()) < 3600


def test_variables_are_listed_with_unit_bounds_and_newest_value(here, asker, fluid):
    eventually(lambda: fluid.sim.poll() or "sim_dt" in here.values(), within=5)

    items = {item["name"]: item for item in asker.ask(fluid.run_id, VariablesList()).value}

    assert set(items) == {"dt", "steps", "title"}
    assert (items["dt"]["value"], items["dt"]["unit"], items["dt"]["max"]) == (0.5, "s", 1.0)
    assert (items["steps"]["value"], items["steps"]["writable"]) == (3, False)
    assert items["title"]["value"] == "two words %"
    assert abs(items["dt"]["time"] - time.time()) < 60


def test_a_value_is_set_in_the_simulation_and_read_back(here, asker, fluid):
    reply = asker.ask(fluid.run_id, VariableSet(name="dt", value=1), fluid.sim.poll)
    title = asker.ask(fluid.run_id, VariableSet(name="title", value="é \n%"), fluid.sim.poll)

    assert (reply.ok, reply.value["value"], fluid.dt) == (True, 1.0, 1.0)
    assert (title.ok, fluid.title) == (True, "é \n%")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (VariableGet(name="none"), "not_found", "none"),
        (VariableSet(name="steps", value=1), "not_writable", "read-only"),
        (VariableSet(name="dt", value=2.0), "bad_value", "maximum 1"),
        (VariableSet(name="dt", value=-1.0), "bad_value", "minimum 0"),
        (VariableSet(name="dt", value="x"), "bad_value", "no float"),
        (VariableSet(name="title", value="x" * 1500), "bad_value", "1000 bytes"),
        (VariableSet(name="dt", value=0.125), "refused", "unstable at 0.125"),
        (FunctionCall(name="none"), "not_found", "none"),
        (FunctionCall(name="stop", arguments={"step": 1}), "bad_value", "step, why"),
        (FunctionCall(name="stop", arguments={"step": 1.5, "why": "a"}), "bad_value", "no int"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_words(here, asker, arguments, code, says, fluid):
    reply = asker.ask(fluid.run_id, arguments, fluid.sim.poll)

    assert (reply.ok, reply.code) == (False, code)
    assert says in reply.text
    assert fluid.dt == 0.5


def test_a_function_is_called_with_its_arguments_and_answers(here, asker, fluid):
    call = FunctionCall(name="stop", arguments={"why": "for good", "step": 7})
    reply = asker.ask(fluid.run_id, call, fluid.sim.poll)
    listed = asker.ask(fluid.run_id, FunctionsList())

    assert (reply.ok, reply.value) == (True, "stops at 7")
    assert fluid.called == [(7, "for good")]
    assert [a["name"] for a in listed.value[0]["arguments"]] == ["step", "why"]


def test_the_same_command_is_executed_once_and_answered_twice(here, asker, fluid):
    call = FunctionCall(name="stop", arguments={"why": "", "step": 7})

    first = asker.ask(fluid.run_id, call, fluid.sim.poll)
    asker.send(fluid.run_id, call, command_id=first.command_id)
    second = asker.reply()

    assert second == first
    assert len(fluid.called) == 1


def test_an_expired_command_is_executed_by_nobody(here, asker, fluid):
    call = FunctionCall(name="stop", arguments={"why": "", "step": 7})

    late = asker.ask(fluid.run_id, call, fluid.sim.poll, seconds=-1)
    slow = asker.ask(fluid.run_id, call, seconds=0.2)  # it does not poll meanwhile
    fluid.sim.poll()

    assert (late.code, slow.code) == ("expired", "expired")
    assert fluid.called == []


def test_the_end_of_a_program_answers_what_it_was_asked(here, asker, fluid):
    asker.send(fluid.run_id, VariableSet(name="dt", value=0.25))
    eventually(here.started, within=5)

    fluid.sim.close()
    codes = {asker.reply().code}
    asker.send(fluid.run_id, VariablesList())

    assert codes <= {"gone", ""}
    assert asker.reply().code == "gone"
    assert [each.reason for each in here.finished()] == ["it said goodbye"]


def test_a_program_goes_on_without_its_agent_and_finds_the_next(here, asker, fluid):
    here.restart()
    eventually(lambda: fluid.sim.poll() or len(here.started()) == 2, within=10)

    assert here.started()[1].run_id == fluid.run_id
    assert here.finished() == []
    assert asker.ask(fluid.run_id, VariableSet(name="dt", value=0.75), fluid.sim.poll).ok


def test_a_program_that_ends_while_no_agent_is_there_is_finished_by_the_next(here):
    child = subprocess.Popen([sys.executable, "-c", STAYS, str(here.socket)], stdin=subprocess.PIPE)
    run_id = eventually(here.started, within=10)[0].run_id

    here.part.close()
    child.kill()
    child.wait()
    assert child.stdin is not None
    child.stdin.close()
    here.start_again()

    eventually(here.finished, within=5)
    assert [(e.run_id, e.reason) for e in here.finished()] == [
        (run_id, "it ended while no agent was there")
    ]


STAYS = """
import os, sys, pilothouse
sim = pilothouse.Simulation("stays", environ={"PILOTHOUSE_SOCKET": sys.argv[1]})
sim.start(0.01)
sys.stdin.read()
"""


def test_sixteen_programs_share_one_socket(here, asker):
    several = [here.simulation(f"rank{n}", PMI_RANK=str(n)) for n in range(16)]
    for number, simulation in enumerate(several):
        simulation.variable("value", lambda number=number: float(number))

    ids = [greeted(simulation) for simulation in several]
    eventually(lambda: len([s.poll() for s in several]) and len(_values(here)) == 16, within=10)

    assert len(set(ids)) == 16
    assert _values(here) == set(map(float, range(16)))
    assert {each.rank for each in here.started()} == set(range(16))
    for simulation in several:
        simulation.close()


def _values(here: Node) -> set[float]:
    return {sample.value for sample in here.part.collector.collect()}


def test_a_flood_is_not_heard_all_at_once_and_leaves_the_others_their_turn(here, fluid):
    flood = here.connect()
    flood.sendall(b"HELLO 1 flood\nVAR x int r\n")
    flood.settimeout(0.2)
    sent = 0
    with contextlib.suppress(TimeoutError):
        for _ in range(2000):
            sent += flood.send(b"VALUE x 1\n" * 100)

    began = time.monotonic()
    fluid.steps = 99
    eventually(lambda: fluid.sim.poll() or here.values().get("sim_steps") == 99, within=5)

    assert sent < 1 << 20
    assert time.monotonic() - began < 3
    flood.close()


def test_a_program_that_never_reads_is_let_go(here, asker):
    with here.connect() as deaf:
        deaf.sendall(b"HELLO 1 deaf\nVAR x string rw\n")
        run_id = eventually(here.started, within=5)[0].run_id
        for _ in range(9):
            asker.send(run_id, VariableSet(name="x", value="y" * 900), seconds=0.5)
        found = [asker.reply().code for _ in range(9)]

    assert set(found) <= {"busy", "expired"}
    assert "busy" in found
