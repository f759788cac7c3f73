"""The Python client: what it tells, and that it harms no program."""

import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse import Simulation
from pilothouse.place import find_socket
from pilothouse.words import quote
from pilothouse_agent.simulation.protocol import MAX_TEXT_BYTES, unquote
from pilothouse_common.broker.memory import MemoryBroker

from tests.support.process import eventually
from tests.support.simulation import greeted, node


@pytest.fixture
def here():
    broker = MemoryBroker()
    with node(broker) as made:
        yield made
    broker.close()


def nowhere() -> Simulation:
    return Simulation("alone", environ={"PILOTHOUSE_SOCKET": "/nonexistent/socket"})


def variables(here):
    [run] = here.part._server.connected() or [None]
    return {name: v.value for name, v in run.variables.items()} if run else {}


def test_without_an_agent_every_call_returns_at_once():
    with nowhere() as simulation:
        simulation.variable("x", lambda: 1.0, lambda x: None)
        simulation.function("f", lambda: None)
        began = time.perf_counter()
        for _ in range(1000):
            simulation.poll()

    assert time.perf_counter() - began < 0.5
    assert not simulation.connected


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1.5, 1.5),
        (3, 3),
        (True, True),
        ("a b%\n", "a b%_"),
        (2**62, 2**62),
        (float("inf"), float("inf")),
    ],
)
def test_a_value_arrives_as_it_is(here, value, told):
    with here.simulation() as simulation:
        simulation.variable("x", lambda: value)

        found = eventually(lambda: simulation.poll() or variables(here).get("x"), within=5)

    assert (found, type(found)) == (told, type(told))


@given(st.text(max_size=2000))
def test_a_text_is_one_word_and_never_too_long(text):
    word = quote(text)

    assert len(word.encode()) <= MAX_TEXT_BYTES
    assert " " not in word
    assert "\n" not in word
    assert text.encode("utf-8", "replace").decode().startswith(unquote(word))


def test_a_getter_that_fails_is_left_alone_and_the_others_are_told(here, caplog):
    state = {"x": 1.0}
    with here.simulation() as simulation:
        simulation.variable("bad", lambda: state["x"])
        simulation.variable("good", lambda: 2.0)
        del state["x"]

        eventually(lambda: simulation.poll() or variables(here).get("good"), within=5)

    assert "bad cannot be read" in caplog.text
    assert eventually(here.finished, within=5)[0].reason == "it said goodbye"


def test_a_name_that_no_agent_takes_is_refused_at_once():
    with nowhere() as simulation:
        with pytest.raises(ValueError, match="a letter"):
            simulation.variable("two words", lambda: 1)
        with pytest.raises(ValueError, match="float, int, bool and str"):
            simulation.variable("x", lambda: [1])
        with pytest.raises(ValueError, match="float, int, bool and str"):
            simulation.function("f", print, step=list)
    with pytest.raises(ValueError, match="name"):
        Simulation(" ")


def test_a_refused_program_goes_on_and_does_not_come_back(here):
    with here.simulation() as simulation:
        greeted(simulation)
        simulation._link.send("NONSENSE")

        why = eventually(lambda: simulation.poll() or simulation.refused, within=5)
        simulation.poll()

    assert "NONSENSE" in why
    assert not simulation.connected


def test_a_forked_child_says_nothing(here):
    with here.simulation() as simulation:
        simulation.variable("x", lambda: 1.0)
        greeted(simulation)

        child = os.fork()
        if child == 0:
            simulation.poll()
            simulation.close()
            os._exit(0)
        os.waitpid(child, 0)
        simulation.poll()

        assert simulation.connected
        assert here.finished() == []


def test_a_thread_of_its_own_polls_and_ends_with_it(here):
    before = threading.active_count()
    with here.simulation() as simulation:
        simulation.variable("x", lambda: 1.0)
        simulation.start(0.01)
        eventually(lambda: variables(here).get("x") == 1.0, within=5)

    assert threading.active_count() <= before + 2  # the agent's own, begun at its first run


def test_a_socket_in_a_directory_that_others_may_write_to_is_not_used(tmp_path):
    uid = os.geteuid()
    directory = tmp_path / f"pilothouse-{uid}"
    directory.mkdir()
    (directory / "7.sock").touch()
    environ = {"TMPDIR": str(tmp_path), "SLURM_JOB_ID": "7"}

    directory.chmod(0o700)
    assert find_socket(environ) == str(directory / "7.sock")
    directory.chmod(0o777)
    assert find_socket(environ) != str(directory / "7.sock")


def test_importing_it_loads_nothing_heavy():
    heavy = (
        "logging asyncio urllib.request email http ssl json inspect typing_extensions numpy msgspec"
    )
    code = f"import sys, pilothouse\nprint([m for m in {heavy!r}.split() if m in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
