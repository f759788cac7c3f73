"""The administrator's token of a standalone process: kept in a file, minted anew when it is not valid."""

from pilothouse_api.access.signing import TokenSigner
from pilothouse_api.access.tokens import Tokens
from pilothouse_common.contract.scopes import SCOPES, Restriction
from pilothouse_common.errors import Unauthenticated
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records import Records

from pilothouse_standalone.datadir import DataDir

FILE = "admin.token"
SUBJECT = "admin"
_LIFETIME_SECONDS = 365 * 86_400


def ensure_admin_token(data: DataDir, records: Records, clock: Clock) -> None:
    """Leave a valid token in ``DATA/admin.token`` (mode 0600)."""
    tokens = Tokens(records, TokenSigner(data.token_key().encode()), clock)
    path = data.path / FILE
    if path.exists():
        try:
            tokens.verify(path.read_text(encoding="utf-8").strip())
        except Unauthenticated:
            pass  # expired or revoked: replaced below
        else:
            return
    minted = tokens.mint(
        subject=SUBJECT,
        name=FILE,
        scopes=SCOPES,
        restriction=Restriction(),
        lifetime_seconds=_LIFETIME_SECONDS,
    )
    data.write_secret(FILE, minted.token)
