"""Commands from the broker to the simulation that they are for, each once."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from pilothouse_common.contract.commands import (
    Code,
    Command,
    FunctionCall,
    FunctionsList,
    Reply,
    VariableGet,
    VariableSet,
    VariablesList,
)

from pilothouse_agent.simulation.run import Answer, SimulationRun
from pilothouse_agent.simulation.server import SimulationServer

log = logging.getLogger(__name__)
REMEMBERED = 512
"""Replies kept for commands that are delivered twice."""
Send = Callable[[Command, Reply], None]


class Executor:
    """Executes commands in the thread of the server.

    Args:
        reply: Takes replies; must not block.
    """

    def __init__(self, reply: Send) -> None:
        self._reply = reply
        self._done: OrderedDict[str, Reply | None] = OrderedDict()

    def execute(self, server: SimulationServer, command: Command) -> None:
        """Do what a command says, unless it is late or was done already."""
        if command.id in self._done:
            reply = self._done[command.id]
            if reply is not None:
                self._reply(command, reply)
            return
        self._done[command.id] = None
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)

        def answer(ok: bool, code: Code, text: str, value: object) -> None:
            reply = Reply(command_id=command.id, ok=ok, code=code, text=text[:2000], value=value)
            self._done[command.id] = reply
            self._reply(command, reply)

        connection = server.runs.get(command.run_id)
        if command.deadline.timestamp() <= time.time():
            answer(False, "expired", "the command came after its deadline (clocks apart?)", None)
        elif connection is None or connection.run is None:
            answer(False, "gone", "the run is not connected to its agent any more", None)
        else:
            log.info("command", extra=_facts(command))
            server.send(command.run_id, _start(connection.run, command, answer))


def _start(run: SimulationRun, command: Command, answer: Answer) -> bytes:
    """Answer from what is known, or return the line that asks the simulation."""
    asked, deadline = command.arguments, command.deadline.timestamp()
    match asked:
        case VariablesList():
            answer(True, "", "", list(run.variables.values()))
        case FunctionsList():
            answer(True, "", "", list(run.functions.values()))
        case VariableGet():
            variable = run.variables.get(asked.name)
            if variable is None:
                answer(False, "not_found", f"the run has no variable {asked.name!r}", None)
            else:
                answer(True, "", "", variable)
        case VariableSet():
            return run.set(asked.name, asked.value, deadline, answer)
        case FunctionCall():
            return run.call(asked.name, asked.arguments, deadline, answer)
    return b""


def _facts(command: Command) -> dict[str, str]:
    name = getattr(command.arguments, "name", "")
    return {
        "run": command.run_id,
        "type": command.type,
        "variable_or_function": name,
        "subject": command.subject,
    }
