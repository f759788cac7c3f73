"""/v1/live: changes as server-sent events, from the record store, in the order of their commits."""
