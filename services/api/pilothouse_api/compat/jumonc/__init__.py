"""JuMonC's own URL space: its paths, levels, shapes and codes (0.9.1, REST version 1).

Its clients must not notice, except that what is broken there works here; docs/jumonc.md lists the
differences, tests/integration/test_jumonc_conformance.py compares with the real one.
"""
