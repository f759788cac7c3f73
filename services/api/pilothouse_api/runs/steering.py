"""Reading and steering a connected run: every change is in the audit trail before it is asked for."""

from typing import Any, NoReturn, TypeVar

import msgspec
from pilothouse_common.contract.commands import (
    Code,
    CommandArguments,
    Function,
    FunctionCall,
    FunctionsList,
    Reply,
    Variable,
    VariableGet,
    VariableSet,
    VariablesList,
)
from pilothouse_common.errors import (
    Busy,
    Conflict,
    Malformed,
    NoAnswer,
    NotFound,
    PilothouseError,
)
from pilothouse_common.store.records.audit import AuditRepository
from pilothouse_common.store.records.models import Run

from pilothouse_api.access.caller import Caller
from pilothouse_api.ports import Ports
from pilothouse_api.runs.schemas import (
    Call,
    Called,
    FunctionItem,
    FunctionList,
    NewValue,
    VariableItem,
    VariableList,
)

T = TypeVar("T")
_ERRORS: dict[Code, type[PilothouseError]] = {
    "not_found": NotFound,
    "not_writable": Conflict,
    "bad_value": Malformed,
    "refused": Conflict,
    "expired": NoAnswer,
    "gone": Conflict,
    "busy": Busy,
}


def variables_of(ports: Ports, caller: Caller, run: Run, timeout_seconds: float) -> VariableList:
    """Return every variable with its newest value."""
    reply = _ask(ports, caller, run, VariablesList(), timeout_seconds)
    return VariableList(items=[_item(each) for each in _read(reply, list[Variable])])


def variable_of(
    ports: Ports, caller: Caller, run: Run, name: str, timeout_seconds: float
) -> VariableItem:
    """Return one variable."""
    reply = _ask(ports, caller, run, VariableGet(name=name), timeout_seconds)
    return _item(_read(reply, Variable))


def set_variable(
    ports: Ports, caller: Caller, run: Run, name: str, wish: NewValue, *, timeout_seconds: float
) -> VariableItem:
    """Give a variable another value; return it as the simulation then has it."""
    arguments = VariableSet(name=name, value=wish.value)
    _note(ports, caller, run, arguments.type, {"name": name, "value": wish.value})
    reply = _ask(ports, caller, run, arguments, timeout_seconds)
    return _item(_read(reply, Variable))


def functions_of(ports: Ports, caller: Caller, run: Run, timeout_seconds: float) -> FunctionList:
    """Return every function that may be called."""
    reply = _ask(ports, caller, run, FunctionsList(), timeout_seconds)
    found = _read(reply, list[Function])
    return FunctionList(items=[FunctionItem(**msgspec.to_builtins(each)) for each in found])


def call_function(
    ports: Ports, caller: Caller, run: Run, name: str, call: Call, *, timeout_seconds: float
) -> Called:
    """Call a function; return when it has returned."""
    arguments = FunctionCall(name=name, arguments=dict(call.arguments))
    _note(ports, caller, run, arguments.type, {"name": name, "arguments": call.arguments})
    reply = _ask(ports, caller, run, arguments, timeout_seconds)
    return Called(text=str(reply.value or ""))


def _ask(
    ports: Ports, caller: Caller, run: Run, arguments: CommandArguments, timeout_seconds: float
) -> Reply:
    """Return a reply that is good.

    Raises:
        Conflict: The run is over or not connected, or the simulation refuses.
        NotFound: The run has no such variable or function.
        Malformed: The value is not one that the variable can have.
        NoAnswer: Not in time.
    """
    if run.state == "finished":
        raise Conflict(
            f"run {run.run_id} is not connected: it ended ({run.reason or 'unknown why'})"
        )
    reply = ports.commands.ask(
        run.run_id, arguments, subject=caller.subject, timeout_seconds=timeout_seconds
    )
    if not reply.ok:
        _refuse(run, reply)
    return reply


def _read(reply: Reply, kind: type[T]) -> T:
    """Return what a reply gives.

    Raises:
        NoAnswer: It gives something else: an agent of another version, or none of ours.
    """
    try:
        return msgspec.convert(reply.value, kind)
    except msgspec.ValidationError as exc:
        raise NoAnswer(f"the agent's reply cannot be read: {exc}") from exc


def _item(variable: Variable) -> VariableItem:
    return VariableItem(**msgspec.structs.asdict(variable))


def _refuse(run: Run, reply: Reply) -> NoReturn:
    raise _ERRORS.get(reply.code, Conflict)(f"run {run.run_id}: {reply.text}")


def _note(ports: Ports, caller: Caller, run: Run, action: str, detail: dict[str, Any]) -> None:
    with ports.records.session() as session:
        AuditRepository(session).add(
            time=ports.clock.now(),
            subject=caller.subject,
            action=action,
            target=run.run_id,
            detail=detail,
        )
