"""InfluxDB line protocol: ``name,tag=x value=1.5``. Source: InfluxDB line protocol reference.

ClusterCockpit's has one field ``value``. A field of another name makes a metric ``name_field``, as
Telegraf's Prometheus output names it; fields that hold text are left out.
"""

import math
import re

from pilothouse_agent.site.value import Value, make_value

_WORD = r"(?:\\.|[^,=\s\\])+"
_FIELD = rf'{_WORD}=(?:"(?:\\.|[^"\\])*"|[^,\s"]+)'
_LINE = re.compile(
    rf"((?:\\.|[^,\s\\])+)((?:,{_WORD}={_WORD})*) +({_FIELD}(?:,{_FIELD})*)(?: +-?\d+)?"
)
_TAG = re.compile(rf",({_WORD})=({_WORD})")
_ONE_FIELD = re.compile(rf'({_WORD})=("(?:\\.|[^"\\])*"|[^,\s"]+)(?:,|$)')
_ESCAPED = re.compile(r"\\([,= ])")
_BOOLEANS = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), 1.0),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), 0.0),
}


def parse_line_protocol(line: str) -> list[Value] | None:
    """Return the values of a line, None when it is in another form.

    Raises:
        ValueError: A field holds no number.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name = _plain(found[1])
    tags = {_plain(k): _plain(v) for k, v in _TAG.findall(found[2])}
    values = []
    for field, text in _ONE_FIELD.findall(found[3]):
        number = _number(text)
        if number is not None and math.isfinite(number):
            metric = name if field == "value" else f"{name}_{_plain(field)}"
            values.append(make_value(metric, tags, number))
    return values


def _number(text: str) -> float | None:
    if text.startswith('"'):
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    try:
        return float(text.replace("_", "?").removesuffix("i").removesuffix("u"))
    except ValueError as exc:
        raise ValueError(f"{text[:20]!r} is not a number") from exc


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
