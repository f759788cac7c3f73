"""Hardware counters through perf events: what this CPU offers, and groups of them."""
