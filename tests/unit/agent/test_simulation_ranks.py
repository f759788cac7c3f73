"""A simulation on the node of a worker rank is steered from rank 0, over the ranks."""

import threading

from pilothouse_api.runs.asker import CommandAsker
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.ranks.root import RankRoot
from pilothouse_common.broker.ranks.worker import WorkerBroker
from pilothouse_common.contract.commands import VariableSet
from pilothouse_common.errors import Conflict

from tests.support.process import eventually
from tests.support.ranks import World
from tests.support.simulation import greeted, node


def test_a_simulation_of_a_worker_rank_is_steered_from_rank_0():
    loops = World(2).start()
    broker = MemoryBroker(confirm="settled")
    root = RankRoot(loops[0], size=2, publisher=broker.publisher(), broker=broker)
    asker = CommandAsker(broker)
    changed = threading.Event()
    with node(WorkerBroker(loops[1], timeout_seconds=5)) as here:
        simulation = here.simulation()
        simulation.variable("dt", lambda: 1.0, lambda dt: changed.set())
        run_id = greeted(simulation)
        simulation.start(0.01)

        def ask():
            try:
                return asker.ask(
                    run_id, VariableSet(name="dt", value=2.0), subject="a", timeout_seconds=5
                )
            except Conflict:  # the rank has not bound its runs yet
                return None

        reply = eventually(ask, within=10)
        simulation.close()
    asker.close()
    root.close()
    for loop in loops:
        loop.leave("", 5)

    assert reply.ok
    assert changed.is_set()
