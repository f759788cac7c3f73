"""What SQLAlchemy and the drivers raise, as our errors. Nothing else catches them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from pilothouse_common.errors import Conflict, PilothouseError, Rejected, StoreUnavailable

_TOO_BIG = "54"
"""SQLSTATE class "program limit exceeded": the value cannot be stored, now or later."""
_NO_TABLE = "42P01"


@contextmanager
def translated() -> Iterator[None]:
    """Turn database errors into ours.

    Raises:
        StoreUnavailable: It cannot be reached, is locked, full, stopping, deadlocked or not migrated.
        Conflict: A constraint does not allow it.
        Rejected: A value that the database refuses: a NUL byte, too long, out of range.
    """
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise _translate(error) from error
    except UnicodeEncodeError as error:  # from the driver: no UTF-8 for half of a surrogate pair
        raise Rejected(f"record store: refused value: {error}") from error


def _translate(error: exc.SQLAlchemyError) -> PilothouseError | exc.SQLAlchemyError:
    words = _words(error)
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    refused = isinstance(error, exc.StatementError) and isinstance(
        error.orig, ValueError | OverflowError
    )
    if isinstance(error, exc.IntegrityError):
        return Conflict(f"record store: {words}")
    if isinstance(error, exc.DataError) or refused or state.startswith(_TOO_BIG):
        return Rejected(f"record store: refused value: {words}")
    if isinstance(error, exc.ProgrammingError) and state != _NO_TABLE:
        return error
    if isinstance(error, exc.DBAPIError | exc.TimeoutError | exc.DisconnectionError):
        return StoreUnavailable(f"record store: {words}")
    return error


def _words(error: exc.SQLAlchemyError) -> str:
    """Return the driver's first line, without statement and parameters."""
    orig = getattr(error, "orig", None) or error
    lines = str(orig).strip().splitlines()
    return lines[0] if lines else type(orig).__name__
