"""One connected simulation: what it exposed, its newest values, and what it has not answered yet."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec import structs
from pilothouse_common.contract.commands import Code, Function, Variable
from pilothouse_common.contract.commands import Value as SimValue
from pilothouse_common.errors import Malformed

from pilothouse_agent.simulation.protocol import (
    line_of,
    plain,
    quote,
    read_function,
    read_name,
    read_value,
    read_variable,
    unquote,
    write_value,
)

MAX_VARIABLES = 256
MAX_FUNCTIONS = 64
MAX_ASKED = 8
Answer = Callable[[bool, Code, str, object], None]
"""Gets ok, code, text and value; called once, in the socket's thread."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a simulation is, from what the kernel says of its socket.

    Attributes:
        run_id: The same for the same process and name, also after the agent was started anew.
        name: What it calls itself.
        pid: Of its process.
        uid: Of its process.
        user: Name of the uid, else ``#uid``.
        start_seconds: Start of its process, Unix seconds.
        start_ticks: The same in clock ticks since boot, exact.
        job_id: Of the job whose cgroup it is in.
        rank: What it says of itself.
    """

    run_id: str
    name: str
    pid: int
    uid: int
    user: str
    start_seconds: float
    start_ticks: int
    job_id: int | None
    rank: int | None


@dataclass(slots=True)
class _Asked:
    deadline: float
    answer: Answer
    variable: str = ""


@dataclass(slots=True)
class SimulationRun:
    """The state of one run. Used by the socket's thread only; ``variables`` is replaced, never changed.

    Attributes:
        who: Its identity.
        variables: By name.
        functions: By name.
    """

    who: Identity
    variables: dict[str, Variable] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    _asked: dict[str, _Asked] = field(default_factory=dict)
    _number: int = 0

    def take(self, words: Sequence[str]) -> None:
        """Do what a line of the simulation says.

        Raises:
            Malformed: In words for the programmer of the simulation.
        """
        verb, rest = words[0], list(words[1:])
        if verb == "VALUE":
            self._value(rest)
        elif verb == "VAR":
            self._declare(read_variable(rest))
        elif verb == "FUNC":
            self._offer(read_function(rest))
        elif verb in ("OK", "ERROR"):
            self._answered(verb == "OK", rest)
        else:
            raise Malformed(f"unknown word {plain(verb)[:20]!r}")

    def set(self, name: str, value: SimValue, deadline: float, answer: Answer) -> bytes:
        """Return the line that asks for another value; a refusal is answered and the line is empty."""
        variable = self.variables.get(name)
        if variable is None:
            answer(False, "not_found", f"the run has no variable {name!r}", None)
            return b""
        if not variable.writable:
            answer(False, "not_writable", f"{name}: the simulation exposes it read-only", None)
            return b""
        try:
            word = write_value(variable.type, value)
            _check_bounds(variable, value)
        except Malformed as exc:
            answer(False, "bad_value", f"{name}: {exc}", None)
            return b""
        return self._ask("SET", [name, word], _Asked(deadline, answer, name))

    def call(
        self, name: str, arguments: dict[str, SimValue], deadline: float, answer: Answer
    ) -> bytes:
        """Return the line that calls a function; a refusal is answered and the line is empty."""
        function = self.functions.get(name)
        if function is None:
            answer(False, "not_found", f"the run has no function {name!r}", None)
            return b""
        expected = {argument.name for argument in function.arguments}
        if set(arguments) != expected:
            takes = ", ".join(a.name for a in function.arguments) or "no arguments"
            answer(False, "bad_value", f"{name} takes {takes}", None)
            return b""
        words = [name]
        for argument in function.arguments:
            try:
                words.append(write_value(argument.type, arguments[argument.name]))
            except Malformed as exc:
                answer(False, "bad_value", f"{argument.name}: {exc}", None)
                return b""
        return self._ask("CALL", words, _Asked(deadline, answer))

    def expire(self, now: float) -> None:
        """Answer what the simulation has not answered in its time (Unix seconds)."""
        for number in [n for n, asked in self._asked.items() if asked.deadline <= now]:
            self._asked.pop(number).answer(
                False, "expired", "the simulation did not answer in time: it has not polled", None
            )

    def next_deadline(self) -> float | None:
        """Return when the next question expires, Unix seconds."""
        return min((asked.deadline for asked in self._asked.values()), default=None)

    def end(self) -> None:
        """Answer everything that is left: it is gone."""
        for number in list(self._asked):
            self._asked.pop(number).answer(
                False, "gone", "the simulation ended before it answered", None
            )

    def _declare(self, variable: Variable) -> None:
        if variable.name not in self.variables and len(self.variables) >= MAX_VARIABLES:
            raise Malformed(f"more than {MAX_VARIABLES} variables")
        self.variables = {**self.variables, variable.name: variable}

    def _offer(self, function: Function) -> None:
        if function.name not in self.functions and len(self.functions) >= MAX_FUNCTIONS:
            raise Malformed(f"more than {MAX_FUNCTIONS} functions")
        self.functions[function.name] = function

    def _value(self, words: list[str]) -> None:
        if len(words) != 2:
            raise Malformed("VALUE: expected VALUE name value")
        name = read_name(words[0])
        if name not in self.variables:
            raise Malformed(f"VALUE: {name} was not declared")
        self._store(name, words[1])

    def _store(self, name: str, word: str) -> None:
        variable = self.variables[name]
        value = read_value(variable.type, word)
        self.variables[name] = structs.replace(variable, value=value, time=time.time())

    def _ask(self, verb: str, words: list[str], asked: _Asked) -> bytes:
        if len(self._asked) >= MAX_ASKED:
            asked.answer(
                False, "busy", f"{MAX_ASKED} commands wait for the simulation already", None
            )
            return b""
        self._number += 1
        number = str(self._number)
        self._asked[number] = asked
        return line_of(verb, number, str(int(asked.deadline * 1000)), *words)

    def _answered(self, ok: bool, words: list[str]) -> None:
        asked = self._asked.pop(words[0], None) if words else None
        if asked is None:
            return  # it was too late: who asked knows already
        word = words[1] if len(words) > 1 else ""
        try:
            if ok and asked.variable:
                self._store(asked.variable, word)
            text = plain(unquote(word))[:1000]
        except Malformed as exc:
            asked.answer(
                False, "refused", f"the simulation answered what cannot be read: {exc}", None
            )
            raise
        value = self.variables.get(asked.variable) if asked.variable else text
        if ok:
            asked.answer(True, "", "", value)
        else:
            asked.answer(False, "refused", f"the simulation says: {text}", None)


def refusal(text: str) -> bytes:
    """Return the line that says why the agent ends the connection."""
    return line_of("REFUSED", quote(text[:500]))


def _check_bounds(variable: Variable, value: SimValue) -> None:
    if isinstance(value, bool | str):
        return
    if not math.isfinite(value):
        raise Malformed("the value is not finite")
    if variable.min is not None and value < variable.min:
        raise Malformed(f"{value} is below its minimum {variable.min:g}")
    if variable.max is not None and value > variable.max:
        raise Malformed(f"{value} is above its maximum {variable.max:g}")
