"""Speaks to slurmrestd: one client, one neutral job record, one small module per API family."""
