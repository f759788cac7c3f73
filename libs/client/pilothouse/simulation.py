"""A program that lets itself be seen and steered: variables, functions, and one call per time step."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping

from pilothouse.link import Link
from pilothouse.place import find_socket
from pilothouse.words import TYPES, Value, check_name, quote, read, type_name, write

TYPE_CHECKING = False  # typing itself is a third of what importing this would cost
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

POLL_SECONDS = 0.001
"""poll() called more often than this returns at once."""
_RANKS = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID")


class _Variable:
    def __init__(self, line: str, kind: str, get: Callable[[], Any], set_: Any) -> None:
        self.line, self.kind, self.get, self.set = line, kind, get, set_
        self.told: str | None = None
        self.failed = False


class _Function:
    def __init__(self, line: str, call: Callable[..., Any], kinds: list[str]) -> None:
        self.line, self.call, self.kinds = line, call, kinds


class Simulation:
    """One program as others see it; used by one thread, unless start() gave it one of its own.

    Args:
        name: What people call it.
        environ: Where PILOTHOUSE_SOCKET, SLURM_JOB_ID and the rank are looked up.

    Attributes:
        run_id: The agent's name for this run; "" until it answered.

    Raises:
        ValueError: The name is empty.
    """

    def __init__(self, name: str, *, environ: Mapping[str, str] | None = None) -> None:
        if not name.strip():
            raise ValueError("a simulation needs a name")
        environ = os.environ if environ is None else environ
        self.run_id = ""
        self._hello = _hello(name, environ)
        self._link = Link(lambda: find_socket(environ))
        self._variables: dict[str, _Variable] = {}
        self._functions: dict[str, _Function] = {}
        self._next = self._next_values = 0.0
        self._value_seconds = 1.0
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection to an agent."""
        return self._link.open

    @property
    def refused(self) -> str:
        """Why the agent does not want this program; "" when it does."""
        return self._link.refused

    def variable(
        self,
        name: str,
        get: Callable[[], Any],
        set: Callable[[Any], Any] | None = None,
        *,
        unit: str = "",
        type: type | None = None,
        min: float | None = None,
        max: float | None = None,
    ) -> None:
        """Expose a variable.

        Args:
            name: Letters, digits, ``_`` and ``.``.
            get: Returns its value: float, int, bool or str.
            set: Takes a new one, within poll(); what it raises is told to who asked. None: read-only.
            unit: Of the value.
            type: Of the value; None: that of what ``get`` returns now.
            min: Smallest value that may be set.
            max: Largest.

        Raises:
            ValueError: A name or type that the agent would not take.
        """
        kind = type_name(type or _plain_type(get()))
        words = ["VAR", check_name(name), kind, "rw" if set else "r"]
        words += [f"unit={quote(unit)}"] if unit else []
        words += [f"{k}={float(v)!r}" for k, v in (("min", min), ("max", max)) if v is not None]
        with self._lock:
            self._variables[name] = _Variable(" ".join(words), kind, get, set)
            self._link.send(self._variables[name].line)
            self._next_values = 0.0  # told at the next poll

    def function(self, name: str, call: Callable[..., Any], **arguments: type) -> None:
        """Expose a function.

        Args:
            name: Letters, digits, ``_`` and ``.``.
            call: Called within poll() with the arguments by name; a text that it returns and what it
                raises is told to who asked.
            arguments: The type of each: ``step=int``.

        Raises:
            ValueError: A name or type that the agent would not take.
        """
        kinds = [type_name(kind) for kind in arguments.values()]
        pairs = [f"{check_name(a)}:{k}" for a, k in zip(arguments, kinds, strict=True)]
        line = " ".join(["FUNC", check_name(name), *pairs])
        names = list(arguments)
        with self._lock:
            self._functions[name] = _Function(
                line, lambda *values: call(**dict(zip(names, values, strict=True))), kinds
            )
            self._link.send(line)

    def poll(self) -> None:
        """Tell new values and do what was asked for. Never blocks; call it once per time step."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + POLL_SECONDS
        if os.getpid() != self._pid:
            return  # a forked child is not the simulation
        with self._lock:
            self._poll(now)

    def start(self, every_seconds: float = 0.1) -> None:
        """Poll in a thread of its own: callbacks then run there, beside the simulation."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(every_seconds,), name="pilothouse", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Tell the last values and say goodbye. Idempotent."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)
        if os.getpid() == self._pid:
            with self._lock:
                self._tell_values()
                self._link.send("BYE")
                self._link.flush()
        self._link.lose()

    def __enter__(self) -> Simulation:
        """Use it in a ``with`` statement."""
        self.poll()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Say goodbye."""
        self.close()

    def _run(self, every_seconds: float) -> None:
        while not self._stop.wait(every_seconds):
            self.poll()

    def _poll(self, now: float) -> None:
        if self._link.connect():
            self._introduce()
        if not self._link.open:
            return
        for line in self._link.lines():
            self._obey(line.split(" "))
        if now >= self._next_values:
            self._next_values = now + self._value_seconds
            self._tell_values()
        self._link.flush()

    def _introduce(self) -> None:
        self._link.send(self._hello)
        self._next_values = 0.0
        for variable in self._variables.values():
            variable.told = None
            self._link.send(variable.line)
        for function in self._functions.values():
            self._link.send(function.line)

    def _tell_values(self) -> None:
        for name, variable in self._variables.items():
            word = _current(name, variable)
            if word is not None and word != variable.told and self._link.open:
                self._link.send(f"VALUE {name} {word}", must=False)
                variable.told = word

    def _obey(self, words: list[str]) -> None:
        if words[0] == "RUN" and len(words) == 3:
            self.run_id, self._value_seconds = words[1], max(0.1, float(words[2]))
        elif words[0] == "REFUSED":
            self._link.refused = str(read("string", words[-1]))
            self._link.lose()
        elif words[0] in ("SET", "CALL") and len(words) >= 4:
            self._link.send(self._answer(words))

    def _answer(self, words: list[str]) -> str:
        verb, number, deadline, name, *values = words
        try:
            if time.time() * 1000 > int(deadline):
                return f"ERROR {number} {quote('it came too late')}"
            if verb == "SET":
                return f"OK {number} {self._set(name, values)}"
            function = self._functions[name]
            told = function.call(*map(read, function.kinds, values))
        except Exception as exc:  # noqa: BLE001 whatever user code raises is the answer
            return f"ERROR {number} {quote(f'{type(exc).__name__}: {exc}')}"
        return f"OK {number} {quote('' if told is None else str(told))}"

    def _set(self, name: str, values: list[str]) -> str:
        variable = self._variables[name]
        variable.set(read(variable.kind, values[0]))
        variable.told = write(_as(variable.kind, variable.get()))
        return variable.told


def _hello(name: str, environ: Mapping[str, str]) -> str:
    words = ["HELLO", "1", quote(name[:63])]
    rank = next((environ[key] for key in _RANKS if environ.get(key, "").isdecimal()), "")
    job = environ.get("SLURM_JOB_ID", "")
    words += [f"rank={rank}"] if rank else []
    words += [f"job={job}"] if job.isdecimal() else []
    return " ".join(words)


def _plain_type(value: Any) -> type:
    """Return which of ours a value is, also where it is an array library's own number."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind
    if hasattr(value, "__index__"):
        return int
    return float if hasattr(value, "__float__") else type(value)


def _as(kind: str, value: Any) -> Value:
    made: Value = next(known for known, name in TYPES.items() if name == kind)(value)
    return made


def _current(name: str, variable: _Variable) -> str | None:
    """Return the word of the value now; a getter that fails is reported once and left alone."""
    if variable.failed:
        return None
    try:
        return write(_as(variable.kind, variable.get()))
    except Exception:  # the simulation's own code: its fault must not end the simulation
        import logging

        variable.failed = True
        logging.getLogger(__name__).exception("variable %s cannot be read", name)
        return None
