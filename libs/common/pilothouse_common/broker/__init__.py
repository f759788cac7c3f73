"""The seam to the broker and its carriers. Start at port.py."""
