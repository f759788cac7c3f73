"""/v1/metrics: the catalogue."""
