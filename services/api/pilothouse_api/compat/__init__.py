"""Wire forms of other systems, over the same ports as our own routes."""
