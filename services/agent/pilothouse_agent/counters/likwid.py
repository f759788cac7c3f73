"""Hardware counters through LIKWID: one likwid-perfctr that runs on and prints what it measured.

Source: likwid-perfctr(1), timeline mode with CSV. It is never told to overwrite counters that others use.
"""

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from math import isfinite

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.counters.lock import CountersLock
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.site.command import ENVIRONMENT
from pilothouse_agent.site.problem import SiteProblem
from pilothouse_agent.site.trust import check_trusted
from pilothouse_agent.topology import read_topology

EVERY = "10s"
RESTART_SECONDS = 60.0
PIPE_BYTES = 1 << 20  # a line of many threads is larger than an ordinary pipe
WORDS_BYTES = 200
FIRST_VALUE = 4  # after group, number of metrics, number of threads, run time
MEGA = 1e6
SUMMED = {
    "DP [MFLOP/s]": "flops_dp",
    "SP [MFLOP/s]": "flops_sp",
    "Memory bandwidth [MBytes/s]": "mem_bw",
    "Memory read bandwidth [MBytes/s]": "mem_read_bw",
    "Memory write bandwidth [MBytes/s]": "mem_write_bw",
}
CLOCK, CYCLES_PER_INSTRUCTION = "Clock [MHz]", "CPI"

Table = dict[str, list[float]]


class LikwidEnded(Exception):
    """The program ended by itself."""


class LikwidSource:
    """Reads what the program printed since the last time, without waiting; the newest line counts.

    Raises:
        CollectorUnavailable: The program is not there, or others could have changed it.
    """

    def __init__(self, host: Host, options: Options) -> None:
        try:
            check_trusted(options.likwid_program)
        except SiteProblem as exc:
            raise CollectorUnavailable(f"LIKWID: {exc}") from exc
        self._clock = host.clock
        self._levels = options.cpu_levels
        self._sockets = read_topology(host).sockets
        self._cpus = sorted(self._sockets)
        cpus = ",".join(map(str, self._cpus))
        self._argv = [options.likwid_program, "-O", "-t", EVERY]
        self._argv += ["-g", options.likwid_group, "-c", cpus]
        self._lock = CountersLock(host.path(options.counters_lock))
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at = float("-inf")
        self._text = b""
        self._names: list[str] = []
        self._words = ""

    def collect(self) -> list[Sample]:
        """Return the newest rates per socket and of the node; nothing while another has the counters.

        Raises:
            LikwidEnded: With the program's last words; it is started again, once a minute at most.
        """
        if self._lock.taken():
            self.close()
            return []
        if self._process is None:
            self._start()
            return []
        ended = self._process.poll() is not None
        table = self._newest()
        if ended:
            words = self._words[:WORDS_BYTES]
            self.close()
            raise LikwidEnded(f"{self._argv[0]} ended: {words}")
        return self._samples(table)

    def close(self) -> None:
        """End the program, which then gives the counters back."""
        process, self._process = self._process, None
        self._text, self._names, self._words = b"", [], ""
        if process is None:
            return
        for sign in (signal.SIGINT, signal.SIGKILL):  # by the first it stops its counters
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
                break
        assert process.stdout is not None
        process.stdout.close()

    def _start(self) -> None:
        now = self._clock.monotonic()
        if now < self._start_at:
            return
        self._start_at = now + RESTART_SECONDS
        self._process = subprocess.Popen(  # noqa: S603 no shell, and only what check_trusted lets pass
            self._argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
            bufsize=0,
            pipesize=PIPE_BYTES,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def _newest(self) -> Table:
        """Return the values of the newest whole line, by metric, one of each thread."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._text += self._process.stdout.read(PIPE_BYTES) or b""
        *lines, rest = self._text.split(b"\n")
        self._text = rest[-PIPE_BYTES:]
        table: Table = {}
        for text in (line.decode(errors="replace") for line in lines):
            new = parse_line(text, self._names, len(self._cpus)) if self._names else None
            if new is not None:
                table = new
            elif text.startswith("# GID"):
                self._names = text.split("|")[FIRST_VALUE:]
            elif text.strip():
                self._words = text
        return table

    def _samples(self, table: Table) -> list[Sample]:
        samples: list[Sample] = []
        if "socket" in self._levels:
            for socket in sorted(set(self._sockets.values())):
                places = [i for i, cpu in enumerate(self._cpus) if self._sockets[cpu] == socket]
                samples += _of_threads(table, places, ("socket", str(socket)))
        if "node" in self._levels:
            samples += _of_threads(table, range(len(self._cpus)), ("node", ""))
        return samples


def parse_line(text: str, names: list[str], threads: int) -> Table | None:
    """Read ``1,METRICS,THREADS,SECONDS,`` and the values, metric by metric; None: it is no such line."""
    words = text.split(",")
    if len(words) != FIRST_VALUE + len(names) * threads or words[1:3] != [
        str(len(names)),
        str(threads),
    ]:
        return None
    try:
        values = [float(word) for word in words[FIRST_VALUE:]]
    except ValueError:
        return None
    return {name: values[i * threads : (i + 1) * threads] for i, name in enumerate(names)}


def _of_threads(table: Table, places: Iterable[int], tags: tuple[str, str]) -> list[Sample]:
    """Return sums of traffic and operations, means of clock and instructions per cycle."""
    places = list(places)
    samples = [
        Sample(metric, MEGA * sum(table[name][i] for i in places), *tags)
        for name, metric in SUMMED.items()
        if name in table
    ]
    clocks = [MEGA * value for value in _counted(table, CLOCK, places)]
    per_cycle = [1 / value for value in _counted(table, CYCLES_PER_INSTRUCTION, places)]
    for metric, values in (("clock_busy", clocks), ("ipc", per_cycle)):
        if values:
            samples.append(Sample(metric, sum(values) / len(values), *tags))
    return samples


def _counted(table: Table, name: str, places: Iterable[int]) -> list[float]:
    """Return the values of threads that were not idle all the time."""
    values = [table[name][i] for i in places] if name in table else []
    return [value for value in values if value > 0 and isfinite(value)]
