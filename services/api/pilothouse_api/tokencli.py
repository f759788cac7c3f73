"""`pilothouse-api token create|list|revoke`: tokens without a token, for who has the key."""

import argparse
import getpass
import re
import sys
from typing import Any

import msgspec
from pilothouse_common.contract.scopes import BUNDLES, SCOPES, Restriction
from pilothouse_common.errors import ConfigError, PilothouseError
from pilothouse_common.runtime.clock import SystemClock
from pilothouse_common.runtime.settings import load
from pilothouse_common.store.records import Records, TokenRepository

from pilothouse_api.access.signing import TokenSigner
from pilothouse_api.access.tokens import Tokens, scopes_of
from pilothouse_api.settings import ApiSettings, TokenSettings, check_token_key

_LIFETIME = re.compile(r"(\d{1,9})([smhdw]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PARTS = tuple(field.name for field in msgspec.structs.fields(Restriction))
_ABOUT = """Manage tokens. Needs PILOTHOUSE_RECORDS_URL and PILOTHOUSE_TOKEN_KEY (or its _FILE).

  pilothouse-api token create --subject root --scope full --lifetime 1d
  pilothouse-api token create --subject agents --scope samples:write events:write \\
      --restrict cluster=alpha --lifetime 365d"""


def add_commands(commands: Any) -> None:
    """Add ``token`` to a parser."""
    token = commands.add_parser(
        "token",
        help="create, list and revoke tokens",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = token.add_subparsers(dest="command", required=True, metavar="create|list|revoke")
    create = verbs.add_parser("create", help="print a new token")
    create.add_argument("--subject", required=True, help="user, or name of a service")
    create.add_argument(
        "--scope",
        required=True,
        nargs="+",
        metavar="SCOPE",
        help=f"scopes ({', '.join(SCOPES)}) or bundles ({', '.join(BUNDLES)})",
    )
    create.add_argument(
        "--restrict",
        nargs="+",
        default=[],
        metavar="PART=VALUE",
        help=f"on what it may act: {', '.join(_PARTS)}",
    )
    create.add_argument("--lifetime", default="30d", help="like 12h, 30d; default %(default)s")
    create.add_argument("--name", default="", help="what it is for, shown in lists")
    listing = verbs.add_parser("list", help="show the tokens that were made")
    listing.add_argument("--subject", help="only this subject's")
    revoke = verbs.add_parser("revoke", help="end a token and all that were minted from it")
    revoke.add_argument("jti", help="the id that list shows")


def run(args: argparse.Namespace) -> int:
    """Do one command; one line and exit code 2 for a wrong setting, 1 when it cannot be done."""
    try:
        settings = load(TokenSettings, service="api", also=ApiSettings.__struct_fields__)
        signer = TokenSigner(check_token_key(settings.token_key))
        records = Records(settings.records_url)
    except ConfigError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    try:
        records.migrate()
        {"create": _create, "list": _list, "revoke": _revoke}[args.command](
            args, records, Tokens(records, signer, SystemClock())
        )
    except PilothouseError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2 if isinstance(exc, ConfigError) else 1
    finally:
        records.close()
    return 0


def parse_lifetime(text: str) -> int:
    """Return seconds.

    Raises:
        ConfigError: Not of the form 90s, 15m, 12h, 30d, 4w, or none at all, or beyond ten years.
    """
    match = _LIFETIME.fullmatch(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= 3660 * 86_400:
        raise ConfigError(f"--lifetime {text!r}: say it like 90s, 15m, 12h, 30d, at most 3660d")
    return seconds


def parse_restriction(pairs: list[str]) -> Restriction:
    """Return a restriction from ``part=value`` words.

    Raises:
        ConfigError: A part that does not exist, or a value that does not fit.
    """
    values = dict(pair.partition("=")[::2] for pair in pairs)
    try:
        return msgspec.convert(values, Restriction, strict=False)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"--restrict: {exc}; parts are {', '.join(_PARTS)}") from exc


def _create(args: argparse.Namespace, _records: Records, tokens: Tokens) -> None:
    minted = tokens.mint(
        subject=args.subject,
        name=args.name or f"made by {getpass.getuser()}",
        scopes=scopes_of(args.scope),
        restriction=parse_restriction(args.restrict),
        lifetime_seconds=parse_lifetime(args.lifetime),
    )
    sys.stderr.write(f"{minted.row.jti} until {minted.row.expiry_time:%Y-%m-%d %H:%M:%S} UTC\n")
    sys.stdout.write(minted.token + "\n")


def _list(args: argparse.Namespace, records: Records, _tokens: Tokens) -> None:
    cursor: str | None = None
    while True:
        with records.reading() as session:
            page = TokenRepository(session).page(subject=args.subject, cursor=cursor, limit=500)
        for row in page.items:
            ended = f"revoked {row.revoked_time:%Y-%m-%d %H:%M}" if row.revoked_time else "-"
            until = f"{row.expiry_time:%Y-%m-%d %H:%M}"
            words = (row.jti, row.subject, row.name, until, ended, " ".join(row.scopes))
            sys.stdout.write("\t".join(words) + "\n")
        cursor = page.next_cursor
        if cursor is None:
            return


def _revoke(args: argparse.Namespace, _records: Records, tokens: Tokens) -> None:
    tokens.revoke(args.jti, by=f"cli:{getpass.getuser()}")
