"""Keyset pages: the next page begins after the last row of this one, wherever that row is now."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import Session

from pilothouse_common.errors import Malformed

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list. ``next_cursor`` is None on the last page."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted.

    Attributes:
        name: What its cursors are good for: a cursor of another order is refused.
        columns: Never null, together unique, served by an index in this order.
        kinds: Python types of the columns: int, str or datetime.
        attributes: The attributes of an item that hold the columns' values.
        descending: From the greatest on.
    """

    name: str
    columns: tuple[Any, ...]
    kinds: tuple[type, ...]
    attributes: tuple[str, ...]
    descending: bool = False


def fetch_page(
    session: Session, statement: Select[T], order: Order, cursor: str | None, limit: int
) -> Page[T]:
    """Return one page of what a statement selects.

    Raises:
        Malformed: A cursor that was not given out for this order.
    """
    key = tuple_(*order.columns)
    if cursor:
        last = tuple_(*_decode(cursor, order))
        statement = statement.where(key < last if order.descending else key > last)
    sorting = [column.desc() if order.descending else column for column in order.columns]
    items: list[T] = list(session.scalars(statement.order_by(*sorting).limit(limit + 1)))
    if len(items) <= limit:
        return Page(items, None)
    del items[limit:]
    return Page(items, _encode(items[-1], order))


def _encode(item: Any, order: Order) -> str:
    values = [_plain(getattr(item, attribute)) for attribute in order.attributes]
    document = msgspec.json.encode([order.name, *values])
    return base64.urlsafe_b64encode(document).decode().rstrip("=")


def _plain(value: Any) -> Any:
    return (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value


def _decode(cursor: str, order: Order) -> Sequence[Any]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, *values = msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=list[str | int]
        )
        if name == order.name and len(values) == len(order.kinds):
            return [_typed(v, kind) for v, kind in zip(values, order.kinds, strict=True)]
    except (ValueError, OverflowError, binascii.Error, msgspec.MsgspecError):
        pass
    raise Malformed("cursor: not one that this list gave out; ask for the first page without it")


def _typed(value: str | int, kind: type) -> Any:
    if kind is datetime and isinstance(value, int):
        return _EPOCH + timedelta(microseconds=value)
    if kind is int and isinstance(value, int) and abs(value) < 2**63:
        return value
    if kind is str and isinstance(value, str) and "\0" not in value:
        return value
    raise ValueError(value)
