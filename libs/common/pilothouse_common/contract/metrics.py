"""The catalogue of metrics: what each name means, its unit, and how nodes add up.

Names and units follow ClusterCockpit (job-data schema and cc-metric-collector); rates are per second.
docs/metrics.md is generated from this table, and a test holds collectors to it.
"""

from dataclasses import dataclass
from typing import Literal

Combine = Literal["sum", "avg", "max"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue.

    Attributes:
        name: The measurement.
        unit: ``%``, ``B``, ``B/s``, ``1/s``, ``s``, ``J``, ``W`` or empty for a plain number.
        combine: How values of several nodes (or parts of one node) become one.
        group: Heading under which people look for it.
        help: One sentence.
    """

    name: str
    unit: str
    combine: Combine
    group: str
    help: str


METRICS: tuple[Metric, ...] = ()
