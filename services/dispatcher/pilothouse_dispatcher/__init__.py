"""Watches the scheduler and publishes what happened to its jobs. Start at service.py."""
