"""The jobs of this node, as Slurm's cgroups and the notes of its prolog tell them: ``host.jobs``."""
