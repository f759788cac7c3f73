"""The sample store: port.py says what it promises, one folder per adapter."""
