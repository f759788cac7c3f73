"""What one poll() costs a simulation: with an agent, without one, and with one that is frozen.

The C program of this file steps for a while and counts; the peer is the same loop without poll(). The
agent's side is the real socket part in a process of its own.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.report import Figure, show
from tests.support.process import Program
from tests.support.programs import build_c

SECONDS = 2.0
ROUNDS = 3
PROGRAM = r"""
#include "pilothouse.h"
static double seconds_of(struct timespec t) { return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec; }
int main(int argc, char **argv)
{
    volatile double x = 1.0;
    double variables[16] = {0}, until = argc > 2 ? atof(argv[2]) : 1.0, start, now;
    long steps = 0;
    int polls = argc > 1 && argv[1][0] == 'p', i;
    struct timespec t;
    char name[8];
    pilothouse_t *sim = pilothouse_open("bench");
    for (i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "v%d", i);
        pilothouse_expose_double(sim, name, &variables[i], PILOTHOUSE_WRITABLE, "s");
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    start = seconds_of(t);
    do {
        for (i = 0; i < 1000; i++) {
            x = x * 1.0000001 + 0.5;
            variables[i & 15] = x;
            if (polls)
                pilothouse_poll(sim);
        }
        steps += 1000;
        clock_gettime(CLOCK_MONOTONIC, &t);
        now = seconds_of(t);
    } while (now - start < until);
    printf("%.3f\n", 1e9 * (now - start) / (double)steps);
    pilothouse_close(sim);
    return 0;
}
"""
AGENT = """
import sys, time
from pathlib import Path
from pilothouse_common.broker.memory import MemoryBroker
from tests.support.simulation import Node
Node(Path(sys.argv[1]), MemoryBroker())
time.sleep(3600)
"""
PYTHON = """
import sys, time
import pilothouse
sim = pilothouse.Simulation("bench")
for n in range(16):
    sim.variable(f"v{n}", lambda: time.monotonic(), lambda v: None)
start, polls, end = time.perf_counter(), 0, float(sys.argv[1])
while time.perf_counter() - start < end:
    for _ in range(1000):
        sim.poll()
    polls += 1000
print(1e9 * (time.perf_counter() - start) / polls)
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ph") as directory:
        [program] = build_c(Path(directory), PROGRAM, name="bench_steering")
        socket = Path(directory) / "sim.sock"
        command = [program, "p", str(SECONDS)]
        bare = _least([program, "n", str(SECONDS)], socket)
        alone = _least(command, socket)
        with _agent(Path(directory), socket) as agent:
            seen = _least(command, socket)
            python = _least([sys.executable, "-c", PYTHON, str(SECONDS)], socket)
            agent.signal(signal.SIGSTOP)
            frozen = _least(command, socket)
            agent.signal(signal.SIGCONT)
    name = "the loop without poll(), ns per step"
    show(
        "Steering: what poll() costs, 16 variables",
        [
            Figure("C, agent connected, ns per call", seen - bare, aim=100.0),
            Figure("C, no agent, ns per call", alone - bare, aim=100.0),
            Figure("C, agent frozen, ns per call", frozen - bare, aim=100.0),
            Figure("C, step with poll(), ns", seen, bare, name),
            Figure("Python, agent connected, ns per call", python, aim=1000.0),
        ],
    )
    return 0


def _least(command: list[str], socket: Path) -> float:
    """Return the least of some rounds: what others do on the machine only adds."""
    environ = {**os.environ, "PILOTHOUSE_SOCKET": str(socket)}
    return min(
        float(subprocess.run(command, env=environ, check=True, capture_output=True).stdout)
        for _ in range(ROUNDS)
    )


@contextmanager
def _agent(directory: Path, socket: Path) -> Iterator[Program]:
    log = directory / "agent.log"
    agent = Program([sys.executable, "-c", AGENT, str(directory)], log=log)
    agent.start().wait_ready(socket.exists, within=30)
    try:
        yield agent
    finally:
        agent.kill()


if __name__ == "__main__":
    sys.exit(main())
