"""Makes docs/metrics.md from the catalogue: ``python -m pilothouse_common.contract.metrics_document``."""

import sys
from collections.abc import Iterator

from pilothouse_common.contract.metrics.catalogue import Group
from pilothouse_common.contract.metrics.costs import COST_MICROSECONDS
from pilothouse_common.contract.metrics.table import GROUPS

INTRODUCTION = """# Metrics

Generated from `pilothouse_common/contract/metrics/`; a test holds this page and every collector to it.

A sample is one line of ClusterCockpit line protocol: the metric's name, the tags `cluster`, `hostname`,
`type` (`node`, `socket`, `memoryDomain`, `hwthread`, `accelerator`) with `type-id`, and, for parts that are
not hardware topology, `stype` (`device`, `filesystem`, `network`, `collector`, …) with `stype-id`; `jobid`
on metrics of one job; one field `value`; seconds. Units are base units. Rates (`1/s`, `B/s`) are the mean
over the interval before the sample. *Nodes* says how values of several nodes, or of several parts of one,
become one. A name with `*` stands for every field of that file that has no row of its own; such fields
differ from kernel to kernel.

## Collectors

*Cost* is the CPU time of one call (`python -m bench collectors`).

| collector | metrics | source | cost |
|---|---|---|---|
"""


def document() -> str:
    """Return the page."""
    return "".join([INTRODUCTION, *_collectors(), *(_table(group) for group in GROUPS)])


def _collectors() -> Iterator[str]:
    for group in GROUPS:
        title = f"[{group.title}](#{group.title.lower().replace(' ', '-')})"
        for name in group.collectors:
            cost = COST_MICROSECONDS.get(name)
            yield f"| `{name}` | {title} | {group.source} | {f'{cost} µs' if cost else ''} |\n"


def _table(group: Group) -> str:
    rows = "".join(
        f"| `{m.name}` | {m.unit} | {m.type} | {m.combine} | {m.help} |\n" for m in group.metrics
    )
    return f"\n## {group.title}\n\n| metric | unit | type | nodes | what |\n|---|---|---|---|---|\n{rows}"


if __name__ == "__main__":
    sys.stdout.write(document())
