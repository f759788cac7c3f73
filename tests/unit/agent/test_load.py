"""Load averages and tasks from /proc/loadavg."""

from pilothouse_agent.collectors.load import LoadCollector

from tests.unit.agent.tree import USUAL, Tree, values


def test_load_and_tasks_are_read(tmp_path):
    tree = Tree(tmp_path, {"proc/loadavg": "1.50 0.75 0.25 3/120 4711\n"})

    got = values(LoadCollector(tree.host, USUAL).collect())

    assert got == {
        "cpu_load": 1.5,
        "load_five": 0.75,
        "load_fifteen": 0.25,
        "proc_run": 3,
        "proc_total": 120,
    }
