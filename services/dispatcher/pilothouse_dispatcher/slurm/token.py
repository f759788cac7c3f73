"""Where the JWT for slurmrestd comes from: a file that is read again, a command, or a key that signs our own.

Slurm's own form: HS256 over the ``jwt_key``, claims ``exp``, ``iat`` and ``sun`` (the user's name).
"""

import base64
import hashlib
import hmac
import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pilothouse_common.errors import Unauthenticated
from pilothouse_common.runtime.clock import Clock

LIFETIME_SECONDS = 1800
_COMMAND_SECONDS = 10
_MAX_USERS = 10_000


class Tokens(Protocol):
    """Gives the token for the next request."""

    def token(self, user: str) -> str:
        """Return a token that is valid now, to ask as ``user``.

        Raises:
            Unauthenticated: There is none; says what to do.
        """


class FileTokens:
    """A token that somebody else renews: the file is read for every request.

    It is the same for every user: a token of root or SlurmUser may act as any, another one may not.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def token(self, user: str) -> str:  # noqa: ARG002 the shape of all
        """Return what the file holds, also as ``SLURM_JWT=…`` as `scontrol token` prints it."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise Unauthenticated(f"Slurm token file {self._path}: {exc}") from exc
        return _usable(text, f"the token file {self._path}", self._clock)


class _Renewed(ABC):
    """Tokens by user, each made anew at half its life."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[str, tuple[float, str]] = {}

    def token(self, user: str) -> str:
        """Return the present token of a user, or a new one."""
        now = self._clock.now().timestamp()
        renew, token = self._made.get(user, (0.0, ""))
        if now >= renew:
            token, expiry = self._make(user, now)
            if len(self._made) >= _MAX_USERS:
                self._made.clear()
            self._made[user] = ((now + expiry) / 2, token)
        return token

    @abstractmethod
    def _make(self, user: str, now: float) -> tuple[str, float]:
        """Return a token and its expiry in Unix seconds."""


class SignedTokens(_Renewed):
    """Tokens that we sign ourselves for any user. The key is read when one is made."""

    def __init__(self, key: Path, clock: Clock) -> None:
        super().__init__(clock)
        self._key = key

    def _make(self, user: str, now: float) -> tuple[str, float]:
        try:
            key = self._key.read_bytes()
        except OSError as exc:
            raise Unauthenticated(f"Slurm signing key {self._key}: {exc}") from exc
        expiry = int(now) + LIFETIME_SECONDS
        return sign(key, user, int(now), expiry), expiry


class CommandTokens(_Renewed):
    """Tokens that a command prints; their own ``exp`` says how long they live.

    Args:
        argv: The command, which runs without a shell; ``{user}`` in it is who asks. Slurm's own is
            ``scontrol token username={user} lifespan=1800``.
        clock: The time.
    """

    def __init__(self, argv: Sequence[str], clock: Clock) -> None:
        super().__init__(clock)
        self._argv = argv

    def _make(self, user: str, now: float) -> tuple[str, float]:
        token = _usable(self._run(user), f"what {self._argv[0]} printed", self._clock)
        return token, expiry_of(token) or now + LIFETIME_SECONDS

    def _run(self, user: str) -> str:
        argv = [word.replace("{user}", user) for word in self._argv]
        try:
            done = subprocess.run(  # noqa: S603 the operator's own command, no shell
                argv, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as exc:
            raise Unauthenticated(f"Slurm token command {argv[0]}: {type(exc).__name__}") from exc
        if done.returncode != 0:
            said = done.stderr.strip()[:200]
            raise Unauthenticated(
                f"Slurm token command {argv[0]} exited with {done.returncode}: {said}"
            )
        return done.stdout


def _usable(text: str, where: str, clock: Clock) -> str:
    """Return the token in a text; none of its words is in what is raised."""
    token = text.strip().removeprefix("SLURM_JWT=")
    if not token or not token.isprintable() or " " in token:
        raise Unauthenticated(f"{where} holds no token")
    expiry = expiry_of(token)
    if expiry is not None and expiry <= clock.now().timestamp():
        raise Unauthenticated(f"{where} holds a token that has expired: renew it")
    return token


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
