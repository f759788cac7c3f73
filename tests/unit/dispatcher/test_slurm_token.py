"""Tokens for slurmrestd: read again from a file, or signed with Slurm's key and renewed at half life."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pilothouse_common.errors import Unauthenticated
from pilothouse_dispatcher.slurm.token import (
    CommandTokens,
    FileTokens,
    SignedTokens,
    expiry_of,
    sign,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class SetClock:
    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


def test_a_token_is_slurms_own_form():
    header, payload, signature = sign(b"k" * 32, "root", 1795176000, 1795177800).split(".")

    assert header == "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9"
    assert expiry_of(f"{header}.{payload}.{signature}") == 1795177800
    assert len(signature) == 43


def test_a_file_is_read_again_for_every_token(tmp_path):
    file = tmp_path / "token"
    tokens = FileTokens(file, SetClock())
    file.write_text("SLURM_JWT=first\n")
    assert tokens.token("root") == "first"

    file.write_text("second")

    assert tokens.token("root") == "second"


@pytest.mark.parametrize("text", ["", "two words", "a\nb"])
def test_a_file_without_a_token_says_so(tmp_path, text):
    file = tmp_path / "token"
    file.write_text(text)

    with pytest.raises(Unauthenticated, match="holds no token"):
        FileTokens(file, SetClock()).token("root")


def test_an_expired_token_is_not_sent(tmp_path):
    clock, file = SetClock(), tmp_path / "token"
    now = int(NOON.timestamp())
    file.write_text(sign(b"key", "root", now - 60, now + 60))
    tokens = FileTokens(file, clock)
    tokens.token("root")

    clock.time += timedelta(seconds=61)

    with pytest.raises(Unauthenticated, match="expired"):
        tokens.token("root")


def test_missing_files_are_named(tmp_path):
    for tokens in (
        FileTokens(tmp_path / "no", SetClock()),
        SignedTokens(tmp_path / "no", SetClock()),
    ):
        with pytest.raises(Unauthenticated, match=str(tmp_path / "no")):
            tokens.token("root")


def test_a_signed_token_is_renewed_at_half_its_life(tmp_path):
    clock, key = SetClock(), tmp_path / "jwt.key"
    key.write_bytes(b"k" * 32)
    tokens = SignedTokens(key, clock)
    first = tokens.token("root")

    clock.time += timedelta(minutes=14)
    same = tokens.token("root")
    clock.time += timedelta(minutes=2)
    renewed = tokens.token("root")

    assert same == first
    assert renewed != first


def test_a_key_signs_for_every_user(tmp_path):
    key = tmp_path / "jwt.key"
    key.write_bytes(b"k" * 32)
    tokens = SignedTokens(key, SetClock())

    assert tokens.token("alice") != tokens.token("bob")
    assert tokens.token("alice") == tokens.token("alice")


def printing(tmp_path: Path, *lines: str) -> list[str]:
    script = tmp_path / "print-token"
    script.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    script.chmod(0o755)
    return [str(script), "username={user}"]


def test_a_command_is_asked_again_at_half_the_tokens_life(tmp_path):
    clock, now = SetClock(), int(NOON.timestamp())
    token = sign(b"key", "alice", now, now + 600)
    argv = printing(tmp_path, f'echo "$1" >> {tmp_path}/calls', f"echo SLURM_JWT={token}")
    tokens = CommandTokens(argv, clock)

    assert tokens.token("alice") == token
    clock.time += timedelta(seconds=299)
    tokens.token("alice")
    clock.time += timedelta(seconds=2)
    tokens.token("alice")

    assert (tmp_path / "calls").read_text() == "username=alice\n" * 2


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["echo no slurmctld >&2; exit 3"], "exited with 3: no slurmctld"),
        (["true"], "holds no token"),
        ([f"echo {sign(b'key', 'a', 1, 2)}"], "has expired"),
    ],
)
def test_a_command_that_gives_no_token_says_why_and_not_what_it_printed(tmp_path, lines, says):
    tokens = CommandTokens(printing(tmp_path, *lines), SetClock())

    with pytest.raises(Unauthenticated, match=says) as raised:
        tokens.token("alice")

    assert "eyJ" not in str(raised.value)


def test_a_missing_command_is_named(tmp_path):
    with pytest.raises(Unauthenticated, match=r"no-such: FileNotFoundError"):
        CommandTokens([str(tmp_path / "no-such")], SetClock()).token("alice")


def test_what_is_not_a_jwt_has_no_expiry():
    assert [expiry_of(text) for text in ("", "a.b.c", "a.bm8.c", "a.e30.c", "opaque")] == [None] * 5
