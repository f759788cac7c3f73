"""All services in one process on embedded parts: in-process broker, SQLite, the embedded sample store."""
