"""Accelerators: one reading for all makes, the libraries' seams, and whose job a device works for."""
