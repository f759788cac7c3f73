"""The JSON that InfluxDB answers with: series of /query, and why something was refused."""

from typing import Any

import msgspec

from pilothouse_common.errors import Rejected, StoreUnavailable

_WORDS = 500
"""Characters of the store's own words that are passed on: a refusal may list every line."""


_TRANSIENT = frozenset({401, 403, 404, 408, 429})
"""Refusals of everything (credentials, missing database, rate): wait, nothing is wrong with the data."""


class Row(msgspec.Struct):
    """One series of an InfluxQL answer."""

    name: str = ""
    tags: dict[str, str] = {}
    columns: tuple[str, ...] = ()
    values: list[list[Any]] = []


class _Result(msgspec.Struct):
    series: list[Row] = []
    error: str = ""
    partial: bool = False


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


_DECODER = msgspec.json.Decoder(_Answer)


def read_rows(data: bytes) -> list[Row]:
    """Return the series of an answer.

    Raises:
        StoreUnavailable: The database is missing, or this is no answer to a query.
        Rejected: The statement cannot be answered.
    """
    try:
        answer = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise StoreUnavailable(f"InfluxDB: not an answer to a query: {exc}") from exc
    rows: list[Row] = []
    for result in answer.results:
        if result.error.startswith("database not found"):
            raise StoreUnavailable(f"InfluxDB: {result.error}")
        if result.error or result.partial:
            raise Rejected(f"InfluxDB: {result.error or 'answer cut by its max-row-limit'}")
        rows += result.series
    return rows


def refusal(status: int, data: bytes) -> StoreUnavailable | Rejected:
    """Return the error of an HTTP status: is the server in trouble, or the data?"""
    text = f"InfluxDB answered {status}: {_words_of(data)}"
    return StoreUnavailable(text) if status >= 500 or status in _TRANSIENT else Rejected(text)


def _words_of(data: bytes) -> str:
    """Return what the server says of a refusal, in its words, cut to a readable length."""
    text = data.decode("utf-8", "replace").strip()
    try:
        body = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return text[:_WORDS]
    if isinstance(body, dict):
        said = body.get("error") or body.get("message") or text
        text = f"{said} {body['data']}" if body.get("data") else str(said)
    return text[:_WORDS]
