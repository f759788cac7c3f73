"""The record store on PostgreSQL and SQLite."""
