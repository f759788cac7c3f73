"""The Slurm hook: turns a prolog's or epilog's environment into an event. Start-up time is its law.

`run` and what it imports load nothing but builtins and `os`; the carriers of a network are loaded
only when the settings name one.
"""
