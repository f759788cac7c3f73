"""What the series of a node and of a job have in common: window, grid, bounds, questions, shape."""
