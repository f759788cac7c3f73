"""The wire form of commands and replies: golden files that never change, and what decoding refuses."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_common.contract.commands import (
    COMMAND_TYPES,
    Argument,
    Command,
    CommandArguments,
    Function,
    FunctionCall,
    FunctionsList,
    Reply,
    Variable,
    VariableGet,
    VariableSet,
    VariablesList,
    command_message,
    decode_command,
    decode_reply,
    encode_command,
    new_command,
    reply_message,
)
from pilothouse_common.contract.topology import (
    Exchange,
    commands_of,
    replies_to,
    topic_matches,
)
from pilothouse_common.errors import Malformed, Rejected, UnknownMessage

GOLDEN = Path(__file__).parent / "golden"
RUN = "0f3a5c7e9b1d.0123456789abcdef"
ASKER, COMMAND = "a" * 32, "b" * 32
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EXAMPLES: tuple[CommandArguments, ...] = (
    VariablesList(),
    VariableGet(name="dt"),
    VariableSet(name="dt", value=0.25),
    FunctionsList(),
    FunctionCall(name="stop_after_step", arguments={"step": 100, "tag": "last", "dump": True}),
)


def example(arguments: CommandArguments) -> Command:
    return Command(
        id=COMMAND,
        run_id=RUN,
        subject="ada",
        deadline=NOON,
        reply_to=f"reply.{ASKER}.{COMMAND}",
        arguments=arguments,
    )


@pytest.mark.parametrize("arguments", EXAMPLES, ids=lambda a: a.type)
def test_every_command_has_its_golden_wire_form(arguments):
    golden = (GOLDEN / f"{arguments.type}.v1.json").read_bytes()

    wire = encode_command(example(arguments))

    assert json.loads(wire) == json.loads(golden)
    assert decode_command(golden) == example(arguments)


def test_every_command_type_has_an_example():
    assert {a.type for a in EXAMPLES} == set(COMMAND_TYPES)


def test_a_reply_has_its_golden_wire_form():
    golden = (GOLDEN / "reply.v1.json").read_bytes()
    reply = Reply(
        command_id=COMMAND,
        ok=True,
        value=[
            Variable(name="dt", type="float", unit="s", writable=True, min=0.0, value=0.25, time=9),
            Function(name="stop", arguments=[Argument(name="step", type="int")]),
        ],
    )

    wire = reply_message(example(EXAMPLES[0]), reply).body

    assert json.loads(wire) == json.loads(golden)
    assert decode_reply(golden).value == json.loads(wire)["value"]


def test_a_command_reaches_the_agent_of_its_run_and_the_reply_its_asker():
    command = new_command(RUN, VariableGet(name="dt"), subject="a", asker=ASKER, timeout_seconds=5)
    message = command_message(command)
    reply = reply_message(command, Reply(command_id=command.id, ok=False, code="busy", text="x"))

    (mine,) = commands_of("0f3a5c7e9b1d").binding_keys
    (answers,) = replies_to(ASKER).binding_keys
    assert message.exchange is reply.exchange is Exchange.COMMANDS
    assert message.routing_key == f"run.{RUN}.variable.get"
    assert topic_matches(mine, message.routing_key)
    assert not topic_matches(mine, reply.routing_key)
    assert topic_matches(answers, reply.routing_key)


def _changed(**changes: object) -> bytes:
    return json.dumps({**json.loads(encode_command(example(EXAMPLES[2]))), **changes}).encode()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "version 1"),
        (b"[]", "version 1"),
        (_changed(version=2), "version"),
        (_changed(id="B" * 32), "id"),
        (_changed(run_id="../x"), "run_id"),
        (_changed(deadline="2026-11-20T12:00:00"), "deadline"),
        (_changed(reply_to="run.x.variable.set"), "reply_to"),
        (_changed(arguments={"name": "a b", "value": 1}), "name"),
        (_changed(arguments={"name": "dt", "value": [1]}), "value"),
        (_changed(arguments={"name": "dt", "value": 2**70}), "value"),
        (_changed(arguments={"name": "dt", "value": 1, "more": 1}), "more"),
    ],
)
def test_bad_commands_are_refused_with_the_place(body, says):
    with pytest.raises(Malformed, match=says):
        decode_command(body)


def test_an_unknown_type_is_refused_with_the_known_ones():
    with pytest.raises(UnknownMessage, match=r"run\.variable\.set"):
        decode_command(_changed(type="run.explode"))


@given(st.binary(max_size=300))
def test_any_bytes_are_either_a_command_or_refused(body):
    for decode in (decode_command, decode_reply):
        try:
            decode(body)
        except Rejected as exc:
            assert str(exc)
