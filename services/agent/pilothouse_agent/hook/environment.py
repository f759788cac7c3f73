"""What Slurm put into the environment of a hook, read with suspicion.

Values are bytes chosen by users (job name, comment, paths) or by Slurm ("(null)" for none). A value
that cannot be used is left out and remembered in ``problems``; nothing here raises.
"""

MAX_TEXT = 4096
MAX_NAME = 255
MAX_NUMBER = 2**53
NOT_SET = (0xFFFFFFFE, 0xFFFFFFFF)
"""Slurm's NO_VAL and INFINITE."""
_NOTHING = (b"", b"(null)")


class Environment:
    """One hook's environment.

    Attributes:
        problems: What could not be read, as sentences for the log.
    """

    __slots__ = ("_values", "problems")

    def __init__(self, values: dict[bytes, bytes]) -> None:
        self._values = values
        self.problems: list[str] = []

    def text(self, *names: str, limit: int = MAX_TEXT) -> str | None:
        """Return the first of the variables that holds something, cut to ``limit`` characters."""
        for name in names:
            value = self._values.get(name.encode())
            if value is not None and value not in _NOTHING:
                return (
                    value[: 4 * limit].decode("utf-8", "replace").replace("\0", "")[:limit] or None
                )
        return None

    def number(self, *names: str, most: int = MAX_NUMBER) -> int | None:
        """Return the first of the variables that is a whole number from 0 to ``most``."""
        for name in names:
            value = self._values.get(name.encode())
            if value is None or value in _NOTHING:
                continue
            if value.isdigit() and len(value) <= 16 and int(value) <= most:
                return None if int(value) in NOT_SET else int(value)
            self.problems.append(f"{name}={shown(value)} is not a whole number up to {most}")
        return None


def shown(value: bytes) -> str:
    """Return a short printable form of a value for the log."""
    text = ascii(value[:60].decode("utf-8", "replace"))
    return text if len(value) <= 60 else f"{text}…"
