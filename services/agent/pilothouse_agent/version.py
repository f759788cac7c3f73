"""The agent's version. Written here because importlib.metadata would cost every node 2 MB of memory."""

VERSION = "0.1.0"
