"""Commands to a run and their replies: versioned JSON on the exchange ``pilothouse.commands``.

A command travels with the key ``run.<run id>.<verb>`` to whoever has the run now, its reply with the key
that the command names, ``reply.<asker>.<command id>``. Neither is stored: nobody there is an answer too
(``mandatory``). The same id is the same command: who executes it does so once. After ``deadline`` it is
executed by nobody.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal
from uuid import uuid4

import msgspec
from msgspec import Meta, Struct

from pilothouse_common.contract.events import RunId
from pilothouse_common.contract.message import COMMAND_CONTENT_TYPE, Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Malformed, UnknownMessage

NAME = r"^[A-Za-z_][A-Za-z0-9_.]{0,62}$"
SimName = Annotated[str, Meta(pattern=NAME)]
ReplyKey = Annotated[str, Meta(pattern=r"^reply\.[0-9a-f]{32}\.[0-9a-f]{32}$")]
CommandId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
Text = Annotated[str, Meta(max_length=2000)]
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Value = bool | Integer | float | Text
SimType = Literal["float", "int", "bool", "string"]
Code = Literal["", "not_found", "not_writable", "bad_value", "refused", "expired", "gone", "busy"]


class CommandArguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a command says; ``type`` is its imperative name."""

    type: ClassVar[str]


class VariablesList(CommandArguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell every variable of the run with its newest value."""

    type: ClassVar[str] = "run.variables.list"


class VariableGet(CommandArguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell one variable with its newest value."""

    type: ClassVar[str] = "run.variable.get"
    name: SimName


class VariableSet(CommandArguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give a writable variable another value; the reply comes when the simulation has it."""

    type: ClassVar[str] = "run.variable.set"
    name: SimName
    value: Value


class FunctionsList(CommandArguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell every function that may be called."""

    type: ClassVar[str] = "run.functions.list"


class FunctionCall(CommandArguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Call a function of the simulation; the reply comes when it has returned."""

    type: ClassVar[str] = "run.function.call"
    name: SimName
    arguments: dict[SimName, Value] = msgspec.field(default_factory=dict)


COMMAND_TYPES: dict[str, type[CommandArguments]] = {
    cls.type: cls for cls in (VariablesList, VariableGet, VariableSet, FunctionsList, FunctionCall)
}


class Command(Struct, frozen=True, kw_only=True):
    """A decoded command.

    Attributes:
        id: 32 hexadecimal digits; the same id is the same command.
        run_id: Whom it is for.
        subject: Who asked.
        deadline: After it, it must not be executed.
        reply_to: Routing key of the reply.
        arguments: What is asked.
    """

    id: str
    run_id: str
    subject: str
    deadline: datetime
    reply_to: str
    arguments: CommandArguments

    @property
    def type(self) -> str:
        """The imperative name."""
        return self.arguments.type


class Variable(Struct, frozen=True, kw_only=True):
    """A variable as the simulation exposed it.

    ``value`` is null as long as none came, and for what JSON has no number for (NaN, infinities);
    ``time`` is when it came, Unix seconds.
    """

    name: SimName
    type: SimType
    unit: str = ""
    writable: bool = False
    min: float | None = None
    max: float | None = None
    value: Value | None = None
    time: float | None = None


class Argument(Struct, frozen=True, kw_only=True):
    """An argument of a function."""

    name: SimName
    type: SimType


class Function(Struct, frozen=True, kw_only=True):
    """A function that may be called; all its arguments are required."""

    name: SimName
    arguments: list[Argument] = msgspec.field(default_factory=list)


class Reply(Struct, frozen=True, kw_only=True):
    """The answer to a command.

    Attributes:
        command_id: Of the command.
        ok: Whether it was done.
        code: Why not.
        text: Why not, in words for people.
        value: What it gave: a Variable, a list of them or of Functions, or a function's text.
    """

    version: Literal[1] = 1
    command_id: CommandId
    ok: bool
    code: Code = ""
    text: Text = ""
    value: Any = None


class CommandEnvelope(Struct, frozen=True, kw_only=True):
    """A command in its wire order."""

    version: Literal[1] = 1
    id: CommandId
    type: str
    run_id: RunId
    subject: Annotated[str, Meta(max_length=255)]
    deadline: Annotated[datetime, Meta(tz=True)]
    reply_to: ReplyKey
    arguments: msgspec.Raw


_ENVELOPE = msgspec.json.Decoder(CommandEnvelope)
_REPLY = msgspec.json.Decoder(Reply)
_ARGUMENTS: dict[str, msgspec.json.Decoder[CommandArguments]] = {
    name: msgspec.json.Decoder(cls) for name, cls in COMMAND_TYPES.items()
}


def new_command(
    run_id: str, arguments: CommandArguments, *, subject: str, asker: str, timeout_seconds: float
) -> Command:
    """Return a command of now.

    Args:
        run_id: Whom it is for.
        arguments: What is asked.
        subject: Who asks.
        asker: 32 hexadecimal digits: whose reply queue the answer goes to.
        timeout_seconds: How long it may be executed.
    """
    command_id = uuid4().hex
    return Command(
        id=command_id,
        run_id=run_id,
        subject=subject,
        deadline=datetime.now(UTC) + timedelta(seconds=timeout_seconds),
        reply_to=f"reply.{asker}.{command_id}",
        arguments=arguments,
    )


def encode_command(command: Command) -> bytes:
    """Return the JSON document."""
    return msgspec.json.encode(
        CommandEnvelope(
            id=command.id,
            type=command.type,
            run_id=command.run_id,
            subject=command.subject,
            deadline=command.deadline,
            reply_to=command.reply_to,
            arguments=msgspec.Raw(msgspec.json.encode(command.arguments)),
        )
    )


def command_message(command: Command) -> Message:
    """Return the publishable message, with the key ``run.<run id>.<verb>``."""
    key = f"run.{command.run_id}.{command.type.removeprefix('run.')}"
    return Message(
        Exchange.COMMANDS, key, encode_command(command), COMMAND_CONTENT_TYPE, message_id=command.id
    )


def decode_command(body: bytes) -> Command:
    """Read one command.

    Raises:
        Malformed: Not a command of version 1, or its arguments do not fit its type.
        UnknownMessage: A type that this process does not know.
    """
    try:
        envelope = _ENVELOPE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Malformed(f"command: not a command of version 1: {exc}") from exc
    decoder = _ARGUMENTS.get(envelope.type)
    if decoder is None:
        raise UnknownMessage(
            f"command {envelope.id}: unknown type {envelope.type[:64]!r}, expected one of "
            f"{', '.join(COMMAND_TYPES)}"
        )
    try:
        arguments = decoder.decode(envelope.arguments)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Malformed(f"command {envelope.id}: does not fit {envelope.type}: {exc}") from exc
    return Command(
        id=envelope.id,
        run_id=envelope.run_id,
        subject=envelope.subject,
        deadline=envelope.deadline,
        reply_to=envelope.reply_to,
        arguments=arguments,
    )


def reply_message(command: Command, reply: Reply) -> Message:
    """Return the publishable message of a reply."""
    return Message(
        Exchange.COMMANDS,
        command.reply_to,
        msgspec.json.encode(reply),
        COMMAND_CONTENT_TYPE,
        message_id=f"{command.id}.reply",
    )


def decode_reply(body: bytes) -> Reply:
    """Read one reply.

    Raises:
        Malformed: Not a reply of version 1.
    """
    try:
        return _REPLY.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Malformed(f"reply: not a reply of version 1: {exc}") from exc
