"""Tokens with the row behind them: mint, verify, list, revoke."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import msgspec
from pilothouse_common.contract.scopes import Restriction, expand
from pilothouse_common.errors import Forbidden, Malformed, NotFound, Unauthenticated
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records.audit import AuditRepository
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.records.models import Token
from pilothouse_common.store.records.tokens import TokenRepository

from pilothouse_api.access.caller import Caller
from pilothouse_api.access.signing import INVALID, TokenSigner

REMEMBERED_SECONDS = 1.0
_MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token, shown once, and its row."""

    token: str
    row: Token


class Tokens:
    """Mints and verifies tokens. Safe to use from several threads.

    A row that was read is remembered for a second: a revocation works within that time.
    """

    def __init__(self, records: Records, signer: TokenSigner, clock: Clock) -> None:
        self._records = records
        self._signer = signer
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, bool]] = {}
        self._callers: dict[str, Caller] = {}

    def verify(self, token: str) -> Caller:
        """Return whose token it is.

        Raises:
            Unauthenticated: Forged, expired, revoked, or a token it was minted from was.
        """
        caller = self._signer.read(token)
        self.recheck(caller)
        with self._lock:
            if len(self._callers) >= _MAX_REMEMBERED:
                self._callers.clear()
            self._callers[token] = caller
        return caller

    def remembered(self, token: str) -> Caller | None:
        """Return whose token it is when its row was read within the last second; asks nobody.

        Raises:
            Unauthenticated: It has expired since.
        """
        caller = self._callers.get(token)
        if caller is None:
            return None
        until, alive = self._seen.get(caller.jti, (0.0, False))
        if not alive or self._clock.monotonic() >= until:
            return None
        self._check_life(caller)
        return caller

    def recheck(self, caller: Caller) -> None:
        """Raise Unauthenticated when a caller's token is not valid any more."""
        self._check_life(caller)
        if not self._alive(caller.jti):
            raise Unauthenticated(INVALID)

    def caller_of(self, jti: str) -> Caller:
        """Return whom a token speaks for, without the token: for what goes on after its request.

        Raises:
            Unauthenticated: Expired, revoked, or a token it was minted from was.
        """
        with self._records.reading() as session:
            row = TokenRepository(session).get(jti)
        if row is None:
            raise Unauthenticated(INVALID)
        caller = Caller(
            jti=row.jti,
            subject=row.subject,
            scopes=frozenset(row.scopes),
            restriction=msgspec.convert(row.restriction, Restriction),
            expiry_time=row.expiry_time,
        )
        self.recheck(caller)
        return caller

    def _check_life(self, caller: Caller) -> None:
        if caller.expiry_time <= self._clock.now():
            raise Unauthenticated("the token has expired")

    def mint(
        self,
        *,
        subject: str,
        name: str,
        scopes: Iterable[str],
        restriction: Restriction,
        lifetime_seconds: int,
        parent: Caller | None = None,
    ) -> Minted:
        """Make a token; with a parent it dies with it and cannot outlive it."""
        now = self._clock.now().replace(microsecond=0)
        expiry = now + timedelta(seconds=lifetime_seconds)
        if parent is not None:
            expiry = min(expiry, parent.expiry_time)
        caller = Caller(
            jti=uuid4().hex,
            subject=subject,
            scopes=frozenset(scopes),
            restriction=restriction,
            expiry_time=expiry,
        )
        row = Token(
            jti=caller.jti,
            subject=subject,
            name=name,
            scopes=sorted(caller.scopes),
            restriction=msgspec.to_builtins(restriction),
            parent_jti=parent.jti if parent else None,
            created_time=now,
            expiry_time=expiry,
            revoked_time=None,
        )
        with self._records.session() as session:
            TokenRepository(session).add(row)
            AuditRepository(session).add(
                time=self._clock.now(),
                subject=parent.subject if parent else subject,
                action="token.create",
                target=row.jti,
                detail={"subject": subject, "name": name, "scopes": row.scopes},
            )
        return Minted(self._signer.sign(caller, issued=now), row)

    def revoke(self, jti: str, *, by: str, caller: Caller | None = None) -> None:
        """End a token and all that were minted from it.

        Args:
            jti: Which.
            by: Who asks, for the audit trail.
            caller: For whom others' tokens do not exist, nor wider ones: a narrow token that got lost
                must not end those of its owner. None: any.

        Raises:
            NotFound: No such token, or not the subject's.
        """
        with self._records.session() as session:
            tokens = TokenRepository(session)
            row = tokens.get(jti)
            if row is None or (caller is not None and not _may_end(caller, row)):
                raise NotFound("no such token")
            tokens.revoke(jti, now=self._clock.now())
            AuditRepository(session).add(
                time=self._clock.now(),
                subject=by,
                action="token.revoke",
                target=jti,
                detail={"subject": row.subject, "name": row.name},
            )
        with self._lock:
            self._seen.clear()
            self._callers.clear()

    def _alive(self, jti: str) -> bool:
        now = self._clock.monotonic()
        with self._lock:
            until, alive = self._seen.get(jti, (0.0, False))
        if now < until:
            return alive
        with self._records.reading() as session:
            alive = _chain_is_alive(TokenRepository(session), jti)
        with self._lock:
            if len(self._seen) >= _MAX_REMEMBERED:
                self._seen.clear()
            self._seen[jti] = (now + REMEMBERED_SECONDS, alive)
        return alive


def _may_end(caller: Caller, row: Token) -> bool:
    restriction = msgspec.convert(row.restriction, Restriction)
    return (
        row.subject == caller.subject
        and caller.scopes >= set(row.scopes)
        and caller.restriction.allows(restriction)
    )


def _chain_is_alive(tokens: TokenRepository, jti: str | None) -> bool:
    """Tell whether neither a token nor any that it was minted from is revoked or gone."""
    while jti is not None:
        row = tokens.get(jti)
        if row is None or row.revoked_time is not None:
            return False
        jti = row.parent_jti
    return True


def narrow(parent: Caller, names: list[str], wish: Restriction, subject: str) -> frozenset[str]:
    """Return the scopes of a child, once nothing of it is wider than its parent.

    Raises:
        Malformed: A name that is no scope.
        Forbidden: Wider, or for somebody else.
    """
    scopes = scopes_of(names)
    wider = scopes - parent.scopes
    if wider and "tokens:manage" not in parent.scopes:
        raise Forbidden(f"your token has no {', '.join(sorted(wider))} to give")
    if not parent.restriction.allows(wish):
        raise Forbidden("restriction: wider than your token's; repeat every part that yours sets")
    if subject != parent.subject and "tokens:manage" not in parent.scopes:
        raise Forbidden("subject: a token for somebody else needs tokens:manage")
    return scopes


def scopes_of(names: list[str]) -> frozenset[str]:
    """Return the scopes behind scope and bundle names.

    Raises:
        Malformed: A name that is neither.
    """
    try:
        return expand(names)
    except ValueError as exc:
        raise Malformed(f"scopes: {exc}") from exc
