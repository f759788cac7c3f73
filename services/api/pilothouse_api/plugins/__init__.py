"""/v1/plugins: what other distributions add to the gateway."""
