"""Where the JWT for slurmrestd comes from: a file that is read again, or a key that signs our own.

Slurm's own form: HS256 over the ``jwt_key``, claims ``exp``, ``iat`` and ``sun`` (the user's name).
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Protocol

from pilothouse_common.errors import Unauthenticated
from pilothouse_common.runtime.clock import Clock

LIFETIME_SECONDS = 1800


class Tokens(Protocol):
    """Gives the token for the next request."""

    def token(self) -> str:
        """Return a token that is valid now.

        Raises:
            Unauthenticated: There is none; says what to do.
        """


class FileTokens:
    """A token that somebody else renews: the file is read for every request."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def token(self) -> str:
        """Return what the file holds, also as ``SLURM_JWT=…`` as `scontrol token` prints it."""
        try:
            text = self._path.read_text(encoding="utf-8").strip().removeprefix("SLURM_JWT=")
        except (OSError, UnicodeDecodeError) as exc:
            raise Unauthenticated(f"Slurm token file {self._path}: {exc}") from exc
        if not text or not text.isprintable() or " " in text:
            raise Unauthenticated(f"Slurm token file {self._path} holds no token")
        expiry = expiry_of(text)
        if expiry is not None and expiry <= self._clock.now().timestamp():
            raise Unauthenticated(f"the token in {self._path} has expired: renew it")
        return text


class SignedTokens:
    """Tokens that we sign ourselves, renewed at half their life. The key is read when one is made."""

    def __init__(self, key: Path, user: str, clock: Clock) -> None:
        self._key = key
        self._user = user
        self._clock = clock
        self._token = ""
        self._renew = 0.0

    def token(self) -> str:
        """Return the present token or a new one."""
        now = self._clock.now().timestamp()
        if now >= self._renew:
            try:
                key = self._key.read_bytes()
            except OSError as exc:
                raise Unauthenticated(f"Slurm signing key {self._key}: {exc}") from exc
            self._token = sign(key, self._user, int(now), int(now) + LIFETIME_SECONDS)
            self._renew = now + LIFETIME_SECONDS / 2
        return self._token


def sign(key: bytes, user: str, issued: int, expiry: int) -> str:
    """Return a JWT for a user; times in Unix seconds."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"exp": expiry, "iat": issued, "sun": user}]
    text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64url(hmac.digest(key, text.encode(), hashlib.sha256))}"


def expiry_of(token: str) -> float | None:
    """Read ``exp`` from the token itself: no Slurm version tells expiry apart from an outage."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
