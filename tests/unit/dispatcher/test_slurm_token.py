"""Tokens for slurmrestd: read again from a file, or signed with Slurm's key and renewed at half life."""

from datetime import UTC, datetime, timedelta

import pytest
from pilothouse_common.errors import Unauthenticated
from pilothouse_dispatcher.slurm.token import FileTokens, SignedTokens, expiry_of, sign

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
    assert tokens.token() == "first"

    file.write_text("second")

    assert tokens.token() == "second"


@pytest.mark.parametrize("text", ["", "two words", "a\nb"])
def test_a_file_without_a_token_says_so(tmp_path, text):
    file = tmp_path / "token"
    file.write_text(text)

    with pytest.raises(Unauthenticated, match="holds no token"):
        FileTokens(file, SetClock()).token()


def test_an_expired_token_is_not_sent(tmp_path):
    clock, file = SetClock(), tmp_path / "token"
    now = int(NOON.timestamp())
    file.write_text(sign(b"key", "root", now - 60, now + 60))
    tokens = FileTokens(file, clock)
    tokens.token()

    clock.time += timedelta(seconds=61)

    with pytest.raises(Unauthenticated, match="expired"):
        tokens.token()


def test_missing_files_are_named(tmp_path):
    for tokens in (
        FileTokens(tmp_path / "no", SetClock()),
        SignedTokens(tmp_path / "no", "root", SetClock()),
    ):
        with pytest.raises(Unauthenticated, match=str(tmp_path / "no")):
            tokens.token()


def test_a_signed_token_is_renewed_at_half_its_life(tmp_path):
    clock, key = SetClock(), tmp_path / "jwt.key"
    key.write_bytes(b"k" * 32)
    tokens = SignedTokens(key, "root", clock)
    first = tokens.token()

    clock.time += timedelta(minutes=14)
    same = tokens.token()
    clock.time += timedelta(minutes=2)
    renewed = tokens.token()

    assert same == first
    assert renewed != first


def test_what_is_not_a_jwt_has_no_expiry():
    assert [expiry_of(text) for text in ("", "a.b.c", "a.bm8.c", "a.e30.c", "opaque")] == [None] * 5
