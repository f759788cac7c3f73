"""The only file that imports jwt: signs and reads tokens (RFC 7519, HS256)."""

from datetime import UTC, datetime
from typing import Any

import jwt
import msgspec
from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.errors import Unauthenticated

from pilothouse_api.access.caller import Caller

ALGORITHM = "HS256"
INVALID = "the token is not valid"
MAX_TOKEN_LENGTH = 8192


class TokenSigner:
    """Turns callers into tokens and back.

    Args:
        key: At least 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, caller: Caller, *, issued: datetime) -> str:
        """Return the compact JWT; ``scope`` is space separated (RFC 8693, section 4.2)."""
        claims: dict[str, Any] = {
            "iss": "pilothouse",
            "jti": caller.jti,
            "sub": caller.subject,
            "iat": int(issued.timestamp()),
            "exp": int(caller.expiry_time.timestamp()),
            "scope": " ".join(sorted(caller.scopes)),
        }
        restriction = msgspec.to_builtins(caller.restriction)
        if restriction:
            claims["restriction"] = restriction
        return jwt.encode(claims, self._key, ALGORITHM)

    def read(self, token: str) -> Caller:
        """Return what a token says, once its signature holds. Its life is checked by the caller's clock.

        Raises:
            Unauthenticated: Forged, of another key or algorithm, or without a claim. Never quotes it.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise Unauthenticated(INVALID)
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer="pilothouse",
                options={
                    "require": ["iss", "jti", "sub", "iat", "exp", "scope"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            return Caller(
                jti=claims["jti"],
                subject=claims["sub"],
                scopes=frozenset(claims["scope"].split()),
                restriction=msgspec.convert(claims.get("restriction", {}), Restriction),
                expiry_time=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (
            jwt.PyJWTError,
            msgspec.ValidationError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
        ) as exc:
            raise Unauthenticated(INVALID) from exc
