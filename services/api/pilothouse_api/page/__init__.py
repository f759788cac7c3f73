"""The built page, and /docs."""
