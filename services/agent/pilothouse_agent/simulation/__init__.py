"""Simulations on this node: a Unix socket on which they expose variables and functions.

Loaded only when ``simulation_socket`` is set. The protocol is docs/simulation-protocol.md.
"""
