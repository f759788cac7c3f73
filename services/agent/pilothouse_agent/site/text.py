"""What a command prints and a file holds: lines of line protocol, of OpenMetrics, or of both."""

from pilothouse_agent.site.lineprotocol import parse_line_protocol
from pilothouse_agent.site.openmetrics import parse_openmetrics
from pilothouse_agent.site.problem import SiteProblem
from pilothouse_agent.site.value import Value

MAX_VALUES = 5000
SHOWN = 80


def parse(text: str) -> list[Value]:
    """Return every value in a text. Each line says by itself which form it has.

    Raises:
        SiteProblem: A line is in neither form, or there are too many; with its number and beginning.
    """
    kinds: dict[str, str] = {}
    values: list[Value] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line.startswith("#"):
            words = line.split()
            if words[1:2] == ["TYPE"] and len(words) == 4:
                kinds[words[2]] = words[3]
        elif line:
            values += _parse_line(line, number, kinds)
            if len(values) > MAX_VALUES:
                raise SiteProblem(f"line {number}: more than {MAX_VALUES} values")
    return values


def _parse_line(line: str, number: int, kinds: dict[str, str]) -> list[Value]:
    try:
        found = parse_openmetrics(line, kinds)
        if found is None:
            found = parse_line_protocol(line)
    except ValueError as exc:
        raise SiteProblem(f"line {number}: {exc}: {line[:SHOWN]!r}") from exc
    if found is None:
        raise SiteProblem(f"line {number}: neither line protocol nor OpenMetrics: {line[:SHOWN]!r}")
    return found
