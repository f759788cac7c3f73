"""Whatever stands in the files of jobs, the sweep goes on, in every layout."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilothouse_agent.collectors.cgroup import CgroupCollector
from pilothouse_agent.collectors.processes import ProcessesCollector
from pilothouse_agent.sweep import Measured
from pilothouse_common.contract.samples import parse_lines

from tests.unit.agent.test_garbage import GARBAGE
from tests.unit.agent.tree import ALL_FIELDS, FIXTURES, Tree, job_tree, lines

LAYOUTS = sorted(p.name.partition(".before")[0] for p in (FIXTURES / "jobs").glob("*.before.tree"))


def told(tree: Tree, spoil: dict[str, bytes | None]) -> set[str]:
    """Return which metrics are told after some files changed or went, while all was read before."""
    collectors = [
        Measured(each(tree.host, ALL_FIELDS)) for each in (CgroupCollector, ProcessesCollector)
    ]
    for one in collectors:
        one.collect()
    for path, content in spoil.items():
        tree.remove(path) if content is None else tree.write(path, content)
    tree.clock.advance(31)
    samples = [sample for one in collectors for sample in one.collect()]
    for one in collectors:
        one.collector.close()
    return {point.name for point in parse_lines(lines(samples))}


@settings(max_examples=25, deadline=None)
@given(layout=st.sampled_from(LAYOUTS), data=st.data(), content=st.none() | GARBAGE)
def test_garbage_in_a_file_of_a_job_stops_nothing(layout, data, content):
    root = Path(tempfile.mkdtemp(prefix="garbage-"))
    try:
        tree = job_tree(root, layout)
        files = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
        path = data.draw(st.sampled_from(files))

        names = told(tree, {path: content})

        assert "agent_collector_up" in names
    finally:
        shutil.rmtree(root)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_fails_where_nothing_is_spoilt(tmp_path, layout):
    names = told(job_tree(tmp_path, layout), {})

    assert {"jobs_running", "job_mem_used", "job_user_cpu", "job_processes"} <= names
