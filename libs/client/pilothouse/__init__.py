"""What a simulation imports to be seen and steered: docs/steering.md.

Nothing here blocks, slows or ends the program that uses it; without an agent it does nothing.
"""

from pilothouse.simulation import Simulation

__all__ = ["Simulation"]
