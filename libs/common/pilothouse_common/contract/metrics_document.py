"""Makes docs/metrics.md from the catalogue: ``python -m pilothouse_common.contract.metrics_document``."""

import sys
from itertools import groupby

from pilothouse_common.contract.metrics import METRICS

INTRODUCTION = """# Metrics

Generated from `pilothouse_common/contract/metrics.py`; a test holds this page and every collector to it.

A sample is one line of ClusterCockpit line protocol: the metric's name, the tags `cluster`, `hostname`,
`type` (`node`, `socket`, `hwthread`) with `type-id`, and, for parts that are not hardware topology,
`stype` (`device`, `filesystem`, `network`, `collector`) with `stype-id`; one field `value`; seconds.
Units are base units. Rates (`1/s`, `B/s`) are the mean over the interval before the sample. *Nodes* says
how values of several nodes, or of several parts of one, become one. A name with `*` stands for every
field of that file that has no row of its own; such fields differ from kernel to kernel.
"""


def document() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for group, metrics in groupby(METRICS, key=lambda metric: metric.group):
        parts.append(f"\n## {group}\n\n| metric | unit | nodes | what |\n|---|---|---|---|\n")
        parts += [f"| `{m.name}` | {m.unit} | {m.combine} | {m.help} |\n" for m in metrics]
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(document())
