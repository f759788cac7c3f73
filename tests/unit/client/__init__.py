"""Tests of what a simulation uses."""
