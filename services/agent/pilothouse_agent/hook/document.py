"""CloudEvents JSON without a JSON library: the bytes that ``contract.events.encode_event`` writes.

`import json` costs more than the whole hook; a test holds both writers to the same bytes.
"""

import time

_ESCAPES = {code: f"\\u{code:04x}" for code in range(32)}
_ESCAPES |= {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}

Value = str | int | list[str] | None


def rfc3339(nanoseconds: int) -> str:
    """Return a UTC time with microseconds, which are left out when they are zero."""
    seconds, rest = divmod(nanoseconds // 1000, 1_000_000)
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    fraction = f".{rest:06d}" if rest else ""
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{fraction}Z"


def quoted(text: str) -> str:
    """Return a JSON string."""
    return f'"{text.translate(_ESCAPES)}"'


def json_object(pairs: list[tuple[str, Value]]) -> str:
    """Return a JSON object of the pairs that hold something."""
    members = [f"{quoted(name)}:{_value(value)}" for name, value in pairs if value is not None]
    return "{" + ",".join(members) + "}"


def _value(value: str | int | list[str]) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[" + ",".join(map(quoted, value)) + "]"
    return str(value)


def cloud_event(
    *, event_id: str, source: str, event_type: str, subject: str, time_ns: int, data: str
) -> bytes:
    """Return the structured-mode document; ``data`` is JSON."""
    head = json_object(
        [
            ("specversion", "1.0"),
            ("id", event_id),
            ("source", source),
            ("type", event_type),
            ("subject", subject),
            ("time", rfc3339(time_ns)),
            ("datacontenttype", "application/json"),
        ]
    )
    return f'{head[:-1]},"data":{data}}}'.encode()
