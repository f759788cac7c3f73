"""One token for each level of the ladder, in a file that only its owner may read."""

from pilothouse_api.access.tokens import Tokens
from pilothouse_common.contract.scopes import BUNDLES, Restriction

from pilothouse_standalone.datadir import DataDir

FILE = "tokens"
_LIFETIME_SECONDS = 31 * 86_400
"""Longer than jobs are; the key that signs them is the data directory's own."""


def write_tokens(data: DataDir, tokens: Tokens, *, subject: str) -> str:
    """Write ``DATA/tokens``, lines of ``<level>: <token>``, mode 0600; return the same text.

    Args:
        data: The data directory.
        tokens: Mints them.
        subject: Whose they are: the user whose job it is, so that every level may see that job.
    """
    lines = [
        f"{level}: {_mint(tokens, level, scopes, subject)}" for level, scopes in BUNDLES.items()
    ]
    data.write_secret(FILE, "\n".join(lines))
    return "\n".join(lines)


def _mint(tokens: Tokens, level: str, scopes: frozenset[str], subject: str) -> str:
    return tokens.mint(
        subject=subject,
        name=level,
        scopes=scopes,
        restriction=Restriction(),
        lifetime_seconds=_LIFETIME_SECONDS,
    ).token
