"""One-time login codes: a link that opens a session once, so that no token is ever in a URL."""

import hashlib
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from pilothouse_common.errors import Unauthenticated
from pilothouse_common.runtime.clock import Clock

LIFE_SECONDS = 600
_MAX_OPEN = 1000


@dataclass(frozen=True, slots=True)
class Grant:
    """Whose session a code opens, and what that session may do."""

    subject: str
    scopes: frozenset[str]


class LoginCodes:
    """Codes of this process, kept as hashes; each works once, for ten minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[bytes, tuple[float, Grant]] = {}

    def create(self, subject: str, scopes: Sequence[str] | frozenset[str]) -> str:
        """Return a new code."""
        code = secrets.token_urlsafe(32)
        now = self._clock.monotonic()
        with self._lock:
            self._open = {k: v for k, v in self._open.items() if v[0] > now}
            while len(self._open) >= _MAX_OPEN:
                self._open.pop(next(iter(self._open)))
            self._open[_digest(code)] = (now + LIFE_SECONDS, Grant(subject, frozenset(scopes)))
        return code

    def redeem(self, code: str) -> Grant:
        """Use a code up.

        Raises:
            Unauthenticated: Unknown, used before or too old.
        """
        with self._lock:  # found by the hash of it: timing tells nothing of other codes
            end, grant = self._open.pop(_digest(code), (0.0, None))
        if grant is None or self._clock.monotonic() >= end:
            raise Unauthenticated(
                "this login link was used before or is too old; ask for a new one"
            )
        return grant


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
