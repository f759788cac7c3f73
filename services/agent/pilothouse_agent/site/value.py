"""One value that a site tells, and where its labels go."""

from typing import NamedTuple

from pilothouse_common.contract.samples import TYPES

LONGEST = 255
TAGS = ("type", "type-id", "stype", "stype-id", "jobid")
AGENTS_OWN = frozenset({"cluster", "hostname", "host"})
"""The agent puts its own: nobody can tell values of another node."""


class Value(NamedTuple):
    """One value.

    Attributes:
        name: Of the metric.
        tags: ``type``, ``type_id``, ``stype``, ``stype_id`` and ``jobid``, as Sample has them.
        value: The number.
        counts: It only grows.
    """

    name: str
    tags: tuple[str, ...]
    value: float
    counts: bool = False


def make_value(name: str, labels: dict[str, str], value: float, *, counts: bool = False) -> Value:
    """Return the value with its labels as tags.

    Labels that are the contract's tags are these. What else there is, sorted by name, becomes one
    part: ``{disk="sda", bus="sat"}`` is ``stype=bus,disk`` and ``stype-id=sat,sda``.

    Raises:
        ValueError: A name or label is too long.
    """
    level = labels.get("type", "")
    tags = {k: v for k, v in labels.items() if k in TAGS and (k != "type" or v in TYPES)}
    rest = sorted(k for k in labels if k not in tags and k not in AGENTS_OWN)
    if rest:
        own = [tags.pop("stype", ""), tags.pop("stype-id", "")]
        tags["stype"] = ",".join(filter(None, [own[0], *rest]))
        tags["stype-id"] = ",".join(filter(None, [own[1], *(labels[k] for k in rest)]))
    if max(map(len, (name, *tags.values()))) > LONGEST:
        raise ValueError(f"a name or label of more than {LONGEST} characters")
    level = level if level in TYPES else "node"
    return Value(name, (level, *(tags.get(k, "") for k in TAGS[1:])), value, counts)
