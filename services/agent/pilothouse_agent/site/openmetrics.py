"""OpenMetrics and Prometheus text: ``name{label="x"} 1.5``. Source: OpenMetrics 1.0; exposition formats.

The parser of prometheus-client would add 13 MB to the agent of every node.
"""

import math
import re
from collections.abc import Mapping

from pilothouse_agent.site.value import Value, make_value

LEFT_OUT = ("_bucket", "_created", "_info")
_SAMPLE = re.compile(
    r"([A-Za-z_:][\w:]*)(?:\s*\{(.*)\}\s*|\s+)([-+]?[0-9A-Za-z.]+(?:[-+]\d+)?)(?:\s+[-+.\w]+)?(?:\s+#.*)?",
    re.ASCII,
)
_LABEL = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*"((?:\\.|[^"\\])*)"\s*(?:,|$)', re.ASCII)
_ESCAPED = re.compile(r"\\(.)")
_TAG_OF = {"type_id": "type-id", "stype_id": "stype-id"}


def parse_openmetrics(line: str, kinds: Mapping[str, str]) -> list[Value] | None:
    """Return the value of a line, none for what is left out, None when it is in another form.

    Args:
        line: One line that is no comment.
        kinds: Types by metric family, from the ``# TYPE`` lines before it.

    Raises:
        ValueError: Labels in another form.
    """
    found = _SAMPLE.fullmatch(line)
    if found is None:
        return None
    name, labels, number = found.groups()
    try:
        value = float(number)
    except ValueError:
        return None
    if name.endswith(LEFT_OUT) or not math.isfinite(value):
        return []
    counts = _counts(name, kinds)
    return [make_value(name.removesuffix("_total"), _labels(labels or ""), value, counts=counts)]


def _counts(name: str, kinds: Mapping[str, str]) -> bool:
    if name.endswith("_total") or kinds.get(name) == "counter":
        return True
    family, _, part = name.rpartition("_")
    return part in {"count", "sum"} and kinds.get(family) in {"histogram", "summary"}


def _labels(text: str) -> dict[str, str]:
    labels = {}
    at = 0
    while at < len(text):
        found = _LABEL.match(text, at)
        if found is None:
            if text[at:].strip():
                raise ValueError('labels are not name="value", …')
            break
        labels[_TAG_OF.get(found[1], found[1])] = _ESCAPED.sub(_plain, found[2])
        at = found.end()
    return labels


def _plain(escaped: re.Match[str]) -> str:
    return "\n" if escaped[1] == "n" else escaped[1]
