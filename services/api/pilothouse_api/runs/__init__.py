"""/v1/runs: lists, one run with its series, its variables and functions."""
