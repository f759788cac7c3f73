"""The carrier between the ranks of one allocation (``mpi:``): workers give to rank 0 and hear from it."""
