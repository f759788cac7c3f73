"""What one row and one group of the catalogue of metrics hold."""

from dataclasses import dataclass
from typing import Literal

Combine = Literal["sum", "avg", "max"]
Kind = Literal["gauge", "counter"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue.

    Attributes:
        name: The measurement; ending in ``*``, every name that begins so (fields that differ
            from kernel to kernel) and has no row of its own.
        unit: ``%``, ``B``, ``B/s``, ``F/s``, ``1/s``, ``s``, ``J``, ``W``, ``Hz``, ``V``, ``A``,
            ``degC`` or empty for a plain number.
        combine: How values of several nodes (or parts of one node) become one.
        group: Heading under which people look for it.
        help: One sentence.
        type: ``gauge``, or ``counter`` for what only grows (OpenMetrics' words).
    """

    name: str
    unit: str
    combine: Combine
    group: str
    help: str
    type: Kind = "gauge"


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that people look for together.

    Attributes:
        title: The heading.
        collectors: Who tells them.
        source: Where they read it.
        metrics: The rows.
    """

    title: str
    collectors: tuple[str, ...]
    source: str
    metrics: tuple[Metric, ...]


def group(
    title: str,
    *rows: tuple[str, str, Combine, str],
    collectors: tuple[str, ...],
    source: str,
    counters: tuple[str, ...] = (),
) -> Group:
    """Return a group; each row is (name, unit, how nodes add up, one sentence).

    ``counters`` are the names of the rows whose values only grow; all others are gauges, rates too.
    """
    return Group(
        title,
        collectors,
        source,
        tuple(
            Metric(name, unit, combine, title, text, "counter" if name in counters else "gauge")
            for name, unit, combine, text in rows
        ),
    )
