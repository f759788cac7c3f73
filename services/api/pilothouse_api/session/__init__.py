"""/login and /v1/session: the browser gets a session, not a token."""
