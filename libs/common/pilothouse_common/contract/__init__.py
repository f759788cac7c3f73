"""All that crosses a process boundary: pure values, no I/O."""
