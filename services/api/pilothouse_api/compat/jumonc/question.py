"""What one request for a metric asks, and the form of every answer to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pilothouse_common.errors import Malformed, NotFound

from pilothouse_api.compat.jumonc.nodes import Host
from pilothouse_api.compat.jumonc.numbers import parse_bool, parse_seconds

MAX_DURATION_SECONDS = 86_400
MAX_INTERFACE_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The parameters, read as JuMonC reads them: what does not fit is the default.

    Attributes:
        human: Numbers with a prefix.
        duration_seconds: Mean or rate over this time; 0: the newest value, the counter.
        node: Only this node: hostname, or place from 0 on.
        interface: ``all``, ``total`` or a name.
        prefer_id: Answer with the id of the stored answer only.
    """

    human: bool = True
    duration_seconds: float = 0.0
    node: str | None = None
    interface: str = "all"
    prefer_id: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """An answer.

    Attributes:
        body: As it is sent.
        results: As it is stored: name and text.
    """

    body: Any
    results: dict[str, str] = field(default_factory=dict)


def read_question(query: Mapping[str, str]) -> Question:
    """Read the parameters of a request.

    Raises:
        Malformed: A time that is too long.
    """
    duration = parse_seconds(query.get("duration"))
    if duration > MAX_DURATION_SECONDS:
        raise Malformed(f"duration: at most {MAX_DURATION_SECONDS} seconds")
    return Question(
        human=parse_bool(query.get("humanReadable"), default=True),
        duration_seconds=duration,
        node=query.get("node"),
        interface=query.get("interface", "all")[:MAX_INTERFACE_LENGTH],
        prefer_id=parse_bool(query.get("prefer_id"), default=False),
    )


def stored_parameters(noun: str, question: Question) -> dict[str, str]:
    """Return the parameters that JuMonC keeps with an answer."""
    kept: dict[str, str] = {}
    if noun in {"network", "io", "main_memory"} and question.duration_seconds > 0:
        kept["duration"] = str(question.duration_seconds)
    if noun == "network":
        kept["interface"] = question.interface
    if question.node:
        kept["node"] = question.node[:MAX_INTERFACE_LENGTH]
    return kept


def clusters_of(hosts: Sequence[Host]) -> list[list[Host]]:
    """Return the hosts, those of each cluster together, in their order."""
    groups: dict[str, list[Host]] = {}
    for host in hosts:
        groups.setdefault(host.cluster, []).append(host)
    return list(groups.values())


def not_measured() -> NotFound:
    """Return the refusal where nobody measures it, or not yet."""
    return NotFound("nobody measures this here, or not yet")
