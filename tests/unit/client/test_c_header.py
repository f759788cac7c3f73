"""The C header against agents of any kind: hostile, dead, slow; under the compiler's own checks."""

import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import Program
from tests.support.programs import build_c, example, started

SANITIZED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
PROGRAM = r"""
#include "pilothouse.h"
static double x = 0.5;
static float y = 0.25f;
static int n = 1, running = 1;
static int64_t big = 1;
static int stop(void *user, int argc, char **argv, char *answer, size_t size)
{
    (void)argc, (void)argv;
    snprintf(answer, size, "bye %% now");
    *(int *)user = 0;
    return 0;
}
static int echo(void *user, int argc, char **argv, char *answer, size_t size)
{
    (void)user;
    if (argc == 2)
        snprintf(answer, size, "%s,%s", argv[0], argv[1]);
    return argc != 2;
}
int main(void)
{
    struct timespec pause = {0, 200000};
    pilothouse_t *sim = pilothouse_open("a name");
    if (pilothouse_expose_double(sim, "no name", &x, 0, "s") == 0)
        return 3;
    pilothouse_expose_double(sim, "x", &x, PILOTHOUSE_WRITABLE, "m/s %");
    pilothouse_expose_float(sim, "y", &y, PILOTHOUSE_WRITABLE, NULL);
    pilothouse_expose_int(sim, "n", &n, PILOTHOUSE_WRITABLE, "");
    pilothouse_expose_int64(sim, "big", &big, PILOTHOUSE_WRITABLE, NULL);
    pilothouse_expose_call(sim, "echo", "a:int b:string", echo, NULL);
    pilothouse_expose_function(sim, "stop", stop, &running);
    while (running) {
        nanosleep(&pause, NULL);
        pilothouse_poll(sim);
    }
    printf("%g %g %d %lld %s\n", x, (double)y, n, (long long)big, pilothouse_problem(sim));
    pilothouse_close(sim);
    return 0;
}
"""


class FakeAgent:
    """The other end of the socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(20)
        self._peer: socket.socket | None = None
        self._text = b""

    def accept(self) -> None:
        if self._peer is not None:
            self._peer.close()
        self._peer, _ = self._listener.accept()
        self._peer.settimeout(20)
        self._text = b""

    def send(self, data: bytes) -> None:
        assert self._peer is not None
        self._peer.sendall(data)

    def ask(self, line: str) -> str:
        """Send a request; return the answer to it."""
        self.send(line.encode() + b"\n")
        number = line.split(" ")[1]
        while True:
            words = self.line()
            if words.split(" ")[:2] in (["OK", number], ["ERROR", number]):
                return words

    def line(self) -> str:
        assert self._peer is not None
        while b"\n" not in self._text:
            data = self._peer.recv(65536)
            assert data, "it closed the connection"
            self._text += data
        first, _, self._text = self._text.partition(b"\n")
        return first.decode()

    def close(self) -> None:
        for each in (self._peer, self._listener):
            if each is not None:
                each.close()


@pytest.fixture(scope="module")
def command() -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory(prefix="ph") as directory:
        yield build_c(Path(directory), PROGRAM, *SANITIZED)


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    with tempfile.TemporaryDirectory(prefix="ph") as directory:
        made = FakeAgent(Path(directory) / "s")
        yield made
        made.close()


@pytest.fixture
def program(command: list[str], agent: FakeAgent, tmp_path: Path) -> Iterator[Program]:
    made = started(command, agent.path, tmp_path / "log", SLURM_JOB_ID="7", PMI_RANK="3")
    yield made
    made.kill()


def soon() -> int:
    return int(time.time() * 1000) + 60_000


@pytest.mark.parametrize("standard", ["c99", "c11", "gnu17"])
def test_the_header_compiles_without_a_warning(tmp_path, standard):
    options = [f"-std={standard}", "-Wconversion", "-Wshadow"]
    strict = ["-pedantic"] if standard.startswith("c") else []

    assert build_c(tmp_path, example("c"), *options, *strict)


def test_what_it_says_and_answers_is_the_protocol(program, agent):
    agent.accept()

    lines = [agent.line() for _ in range(7)]
    agent.send(b"RUN aaaaaaaaaaaa.0123456789abcdef 0.1\n")
    answers = [
        agent.ask(f"SET 1 {soon()} x 0.125"),
        agent.ask(f"SET 2 {soon()} n 2147483648"),
        agent.ask(f"SET 3 {soon()} n -5"),
        agent.ask(f"SET 4 {soon()} big 9000000000000000000"),
        agent.ask(f"SET 5 {soon()} y nonsense"),
        agent.ask("SET 6 1 x 9"),
        agent.ask(f"CALL 7 {soon()} echo 42 two%20words%25"),
        agent.ask(f"CALL 8 {soon()} none"),
        agent.ask(f"CALL 9 {soon()} stop"),
    ]

    assert lines == [
        "HELLO 1 a%20name rank=3 job=7",
        "VAR x float rw unit=m/s%20%25",
        "VAR y float rw unit=",
        "VAR n int rw unit=",
        "VAR big int rw unit=",
        "FUNC echo a:int b:string",
        "FUNC stop",
    ]
    assert answers == [
        "OK 1 0.125",
        "ERROR 2 cannot%20be%20set",
        "OK 3 -5",
        "OK 4 9000000000000000000",
        "ERROR 5 cannot%20be%20set",
        "ERROR 6 it%20came%20too%20late",
        "OK 7 42,two%20words%25",
        "ERROR 8 no%20such%20function",
        "OK 9 bye%20%25%20now",
    ]
    assert program.wait(within=10) == 0
    assert program.output() == "0.125 0.25 -5 9000000000000000000 \n"


def test_garbage_from_an_agent_harms_no_simulation(program, agent):
    chance = random.Random(4)
    words = (
        f"SET CALL RUN REFUSE 1 {soon()} x y n echo stop% %ff %0 -1 1e999 nan 9 {'z' * 300}".split()
    )
    words.append("")
    agent.accept()
    for _ in range(3000):
        if chance.random() < 0.8:
            line = " ".join(chance.choices(words, k=chance.randrange(30))).encode()[:4000]
        else:
            line = chance.randbytes(chance.randrange(200)).replace(b"\n", b"")
        agent.send(line + b"\n")

    answer = agent.ask(f"CALL 999999 {soon()} stop")

    assert answer.startswith("OK 999999")
    assert program.wait(within=10) == 0, program.output()


def test_a_line_without_end_ends_the_connection_and_it_comes_back(program, agent):
    agent.accept()
    agent.send(b"x" * 10_000)
    agent.accept()

    assert agent.line().startswith("HELLO 1 ")
    assert agent.ask(f"CALL 1 {soon()} stop") == "OK 1 bye%20%25%20now"
    assert program.wait(within=10) == 0


def test_a_refused_program_goes_on_and_does_not_come_back(program, agent):
    agent.accept()
    agent.send(b"REFUSED not%20you\n")
    agent._listener.settimeout(2.5)

    with pytest.raises(TimeoutError):
        agent.accept()
    assert program.running


def test_without_an_agent_it_runs_to_its_end(tmp_path):
    source = r"""
#include "pilothouse.h"
int main(void)
{
    double x = 0;
    int i;
    pilothouse_t *sim = pilothouse_open("alone");
    pilothouse_expose_double(sim, "x", &x, 0, NULL);
    for (i = 0; i < 100000; i++)
        pilothouse_poll(sim);
    i = pilothouse_connected(sim) || pilothouse_run_id(sim)[0];
    pilothouse_close(sim);
    pilothouse_poll(NULL);
    pilothouse_close(NULL);
    return i;
}
"""
    command = build_c(tmp_path, source, *SANITIZED)

    done = subprocess.run(
        command, env={"PILOTHOUSE_SOCKET": str(tmp_path / "none")}, check=False, timeout=30
    )

    assert done.returncode == 0
