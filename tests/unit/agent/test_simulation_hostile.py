"""What programs can do to the simulation socket: break its rules, pour garbage into it, sit on its place."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pilothouse_agent.simulation.ledger import Entry, Ledger
from pilothouse_agent.simulation.place import listen, socket_path
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.errors import ConfigError

from tests.support.process import eventually
from tests.support.simulation import descriptors, exchange, node


@pytest.fixture
def here():
    broker = MemoryBroker()
    with node(broker) as made:
        yield made
    broker.close()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["VAR x float r"], "HELLO"),
        (["HELLO 2 x"], "HELLO%201"),
        (["HELLO 1 "], "empty"),
        (["HELLO 1 x", "VAR a-b float r"], "a-b"),
        (["HELLO 1 x", "VAR a complex r"], "complex"),
        (["HELLO 1 x", "VAR a float w"], "VAR"),
        (["HELLO 1 x", "VAR a float r min=2 max=1"], "above"),
        (["HELLO 1 x", "VALUE a 1"], "not%20declared"),
        (["HELLO 1 x", "VAR a int r", "VALUE a 1.5"], "no%20int"),
        (["HELLO 1 x", "VAR a int r", f"VALUE a {'9' * 30}"], "no%20int"),
        (["HELLO 1 x", "x" * 5000], "4096"),
        (["HELLO 1 x", "FUNC f " + " ".join(f"a{n}:int" for n in range(20))], "16"),
        (["HELLO 1 x", *(f"VAR v{n} int r" for n in range(300))], "256"),
        (["HELLO 1 x", *(f"FUNC f{n}" for n in range(100))], "64"),
        (["HELLO 1 x", "EXPLODE"], "EXPLODE"),
    ],
    ids=str,
)
def test_who_breaks_the_protocol_is_told_why_and_disconnected(here, lines, says):
    with here.connect() as connection:
        answer = exchange(connection, *lines)

    assert answer[-1].startswith("REFUSED ")
    assert says in answer[-1]


_TEXT = ",HELLO,VAR,FUNC,VALUE,OK,ERROR,BYE,1,x,float,rw,%,%ff,min=,a:int,é"
_WORDS = st.sampled_from(_TEXT.split(","))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.one_of(st.binary(max_size=200), st.lists(_WORDS, max_size=6)), max_size=8))
def test_garbage_never_stops_the_agent(here, garbage):
    with here.connect() as connection, contextlib.suppress(OSError):
        connection.sendall(b"HELLO 1 garbage\n")
        for each in garbage:
            text = each if isinstance(each, bytes) else " ".join(each).encode()
            connection.sendall(text + b"\n")

    with here.connect() as connection:
        connection.sendall(b"HELLO 1 fine\n")
        assert connection.recv(4096).startswith(b"RUN ")


def test_connections_leave_nothing_behind(here):
    before = descriptors()
    for _ in range(50):
        with here.connect() as connection:
            connection.sendall(b"HELLO 1 short\nBYE\n")

    eventually(lambda: len(here.finished()) == len(here.started()) == 50, within=10)

    assert descriptors() <= before + 2


def test_a_socket_is_where_only_its_owner_can_have_put_it(tmp_path):
    private = socket_path("auto", {"TMPDIR": str(tmp_path), "SLURM_JOB_ID": "7"}, 1000)
    assert private == tmp_path / "pilothouse-1000" / "7.sock"

    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(ConfigError, match="own directory"):
        listen(open_to_all / "s", private=True)


def test_a_second_agent_does_not_take_the_socket_and_a_dead_ones_is_replaced(here, tmp_path):
    with pytest.raises(ConfigError, match="another agent"):
        listen(here.socket, private=False)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="no socket"):
        listen(tmp_path / "file", private=False)
    with pytest.raises(ConfigError, match="bytes"):
        listen(tmp_path / ("x" * 120), private=False)

    first = listen(here.socket.with_name("again"), private=False)
    first.close()
    listen(here.socket.with_name("again"), private=False).close()


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'[{"run_id": 1}]', b"[" * 5000])
def test_a_file_of_runs_that_cannot_be_read_costs_only_that(tmp_path, caplog, content):
    path = tmp_path / "runs"
    path.write_bytes(content)

    ledger = Ledger(path)
    ledger.connected(Entry("a.b", 1, 2, "ada"))

    assert "not known" in caplog.text
    assert set(Ledger(path).absent) == {"a.b"}


def test_a_file_of_runs_is_never_written_through_a_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path = tmp_path / "runs"
    path.symlink_to(victim)
    (tmp_path / "runs.new").symlink_to(victim)

    Ledger(path).connected(Entry("a.b", 1, 2, "ada"))

    assert victim.read_text() == "mine"
    assert set(Ledger(path).absent) == {"a.b"}
