"""What every process needs around its work: settings, logging, life cycle, health, clock, backoff."""
