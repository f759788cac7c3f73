"""In-job mode: one process per node of an allocation, started by mpirun or srun, and a gateway on rank 0."""
