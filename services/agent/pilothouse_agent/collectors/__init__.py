"""What is read on a node: one module per noun, one table of them all, one recipe (docs/collectors.md)."""
