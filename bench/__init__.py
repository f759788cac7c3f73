"""Benchmarks: every figure beside a peer or a physical limit, in one run."""
