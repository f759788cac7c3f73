"""Where a token may stand in a request, and the proof against cross-site requests.

Cookies work with unsafe methods only together with the header ``X-CSRF-Token``, whose value is
bound to the session by HMAC (OWASP, "Signed Double-Submit Cookie").
"""

import hashlib
import hmac

from fastapi import Response
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer

SESSION_COOKIE = "pilothouse_session"
CSRF_COOKIE = "pilothouse_csrf"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

bearer = HTTPBearer(
    scheme_name="bearer", bearerFormat="JWT", auto_error=False, description="a token"
)
header = APIKeyHeader(
    scheme_name="header", name="X-Auth-Token", auto_error=False, description="a token"
)
cookie = APIKeyCookie(
    scheme_name="session",
    name=SESSION_COOKIE,
    auto_error=False,
    description=f"a browser session; unsafe methods also need the header {CSRF_HEADER} "
    f"with the value of the cookie {CSRF_COOKIE}",
)


class CsrfGuard:
    """Makes and checks the values of the CSRF cookie.

    Args:
        key: The signing key; a key of its own is derived from it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"pilothouse csrf", hashlib.sha256)

    def value_for(self, jti: str) -> str:
        """Return the value that belongs to a session."""
        return hmac.new(self._key, jti.encode(), hashlib.sha256).hexdigest()

    def holds(self, jti: str, in_header: str, in_cookie: str) -> bool:
        """Tell whether header and cookie are both the session's."""
        expected = self.value_for(jti).encode()
        sent = in_header.encode("utf-8", "replace")
        kept = in_cookie.encode("utf-8", "replace")
        return hmac.compare_digest(sent, expected) and hmac.compare_digest(kept, expected)


def set_session(response: Response, token: str, csrf: str, *, secure: bool, seconds: int) -> None:
    """Put a session into the browser."""
    for name, value, hidden in ((SESSION_COOKIE, token, True), (CSRF_COOKIE, csrf, False)):
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=secure, httponly=hidden, samesite="lax"
        )


def clear_session(response: Response, *, secure: bool) -> None:
    """Take the session out of the browser."""
    for name in (SESSION_COOKIE, CSRF_COOKIE):
        response.delete_cookie(name, path="/", secure=secure, samesite="lax")
