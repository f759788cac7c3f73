"""Ingest alone."""
