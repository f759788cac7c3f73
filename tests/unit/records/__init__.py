"""The pure part of the record store."""
