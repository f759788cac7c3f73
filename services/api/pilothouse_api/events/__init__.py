"""POST /v1/events: the https carrier of events."""
