"""The only file that imports mpi4py: the ranks of this allocation as a Communicator.

mpi4py finds the MPI library of the machine when it is imported, and starts MPI only when told to.
Sources: MPI 4.1, sections 3.8 (matched probe) and 11.6 (threads); mpi4py's documentation of MPI.rc.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from pilothouse_common.broker.ranks.port import Sending
from pilothouse_common.errors import BrokerUnavailable

_TAG = 12121


def launched_ranks(environ: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Return (rank, size) as the launcher of this process says; (0, 1) without a launcher.

    Sources: mpirun(1) of Open MPI, "Environment Variables"; the PMI-1 and PMIx wire-up variables that
    Hydra and srun set; srun(1), "OUTPUT ENVIRONMENT VARIABLES".
    """
    for rank, size in _LAUNCHERS:
        if environ.get(rank, "").isdecimal() and environ.get(size, "").isdecimal():
            return int(environ[rank]), int(environ[size])
    return 0, 1


_LAUNCHERS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
    ("PMIX_RANK", "SLURM_NTASKS"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)


class MpiRanks:
    """MPI_COMM_WORLD. Made and used by one thread (MPI_THREAD_FUNNELED).

    Raises:
        BrokerUnavailable: mpi4py or an MPI library is missing, or MPI cannot start.
    """

    def __init__(self) -> None:
        try:
            import mpi4py

            mpi4py.rc.initialize = mpi4py.rc.finalize = False
            # while it waits for the others at the start Open MPI would keep a core from the job
            os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
            from mpi4py import MPI
        except (ImportError, RuntimeError) as exc:
            reason = " ".join(str(exc).split())
            raise BrokerUnavailable(
                f"cannot be used ({reason}): install pilothouse-agent[mpi] and load the site's MPI "
                "library, or start one process per node without it"
            ) from exc
        self._mpi = MPI
        try:
            MPI.Init_thread(MPI.THREAD_FUNNELED)
            self._comm = MPI.COMM_WORLD
            self._comm.Set_errhandler(MPI.ERRORS_RETURN)  # a lost rank is an error, not our end
        except MPI.Exception as exc:
            raise BrokerUnavailable(f"cannot start: {exc}") from exc
        self.rank: int = self._comm.Get_rank()
        self.size: int = self._comm.Get_size()
        self._coming: list[tuple[int, bytearray, Any]] = []

    def exchange(self, own: bytes) -> Sequence[bytes]:
        """See Communicator.exchange."""
        found: list[bytes] = self._comm.allgather(own)
        return found

    def send(self, rank: int, data: bytes) -> Sending:
        """See Communicator.send."""
        try:
            request = self._comm.Isend([data, self._mpi.BYTE], dest=rank, tag=_TAG)
        except self._mpi.Exception as exc:
            raise BrokerUnavailable(f"rank {rank}: {exc}") from exc
        return _Sending(self._mpi, request, data)

    def receive(self) -> tuple[int, bytes] | None:
        """See Communicator.receive; a large message is received bit by bit, never waited for."""
        try:
            self._begin()
        except self._mpi.Exception as exc:
            raise BrokerUnavailable(f"receive: {exc}") from exc
        for coming in list(self._coming):
            rank, buffer, request = coming
            try:
                arrived = request.Test()
            except self._mpi.Exception as exc:
                self._coming.remove(coming)
                raise BrokerUnavailable(f"receive from rank {rank}: {exc}") from exc
            if arrived:
                self._coming.remove(coming)
                return rank, bytes(buffer)
        return None

    def _begin(self) -> None:
        mpi = self._mpi
        status = mpi.Status()
        matched = self._comm.Improbe(mpi.ANY_SOURCE, _TAG, status)
        if matched is not None:
            buffer = bytearray(status.Get_count(mpi.BYTE))
            request = matched.Irecv([buffer, mpi.BYTE])
            self._coming.append((status.Get_source(), buffer, request))

    def finish(self) -> None:
        """See Communicator.finish."""
        self._mpi.Finalize()

    def abort(self) -> None:
        """See Communicator.abort."""
        self._comm.Abort(0)


class _Sending:
    """Holds the bytes until MPI is done with them."""

    def __init__(self, mpi: Any, request: Any, data: bytes) -> None:
        self._mpi = mpi
        self._request = request
        self._data = data

    def done(self) -> bool:
        """See Sending.done."""
        try:
            return bool(self._request.Test())
        except self._mpi.Exception as exc:
            raise BrokerUnavailable(str(exc)) from exc
