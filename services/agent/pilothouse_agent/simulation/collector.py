"""The newest values of the variables as series: ``sim_<variable>``, one per run."""

from collections.abc import Iterable, Iterator

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.simulation.server import SimulationServer

PREFIX = "sim_"


class SimulationCollector:
    """Samples what simulations told; numbers and truth values only."""

    name = "simulation"

    def __init__(self, server: SimulationServer) -> None:
        self._server = server

    def collect(self) -> Iterable[Sample]:
        """Return one sample per variable that has a value and whose run has it still."""
        return self._samples()

    def _samples(self) -> Iterator[Sample]:
        for run in self._server.connected():
            job = str(run.who.job_id or "")
            for variable in list(run.variables.values()):
                if isinstance(variable.value, int | float):
                    yield Sample(
                        f"{PREFIX}{variable.name}",
                        float(variable.value),
                        stype="run",
                        stype_id=run.who.run_id,
                        jobid=job,
                    )

    def close(self) -> None:
        """Nothing is its own."""
