"""/v1/nodes: what agents report, whether samples still come, and their series."""
