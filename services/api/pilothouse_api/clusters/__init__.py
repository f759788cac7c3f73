"""/v1/clusters."""
