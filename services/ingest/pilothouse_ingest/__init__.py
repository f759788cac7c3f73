"""Ingest: takes samples and events from the broker and writes them to both stores."""
