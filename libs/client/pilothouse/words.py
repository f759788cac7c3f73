"""Words of the simulation protocol (docs/simulation-protocol.md), as a simulation needs them."""

import re

Value = bool | int | float | str
MAX_LINE_BYTES = 4096
MAX_TEXT_BYTES = 1000
TYPES: dict[type, str] = {float: "float", int: "int", bool: "bool", str: "string"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,62}")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_SPECIAL = re.compile(r"[\x00-\x20%\x7f]")


def check_name(name: str) -> str:
    """Return the name of a variable, function or argument.

    Raises:
        ValueError: The agent would not take it.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r}: a name is a letter or _, then letters, digits, _ and ., at most 63"
        )
    return name


def type_name(kind: type) -> str:
    """Return the protocol's name of a Python type.

    Raises:
        ValueError: Not float, int, bool or str.
    """
    if kind not in TYPES:
        raise ValueError(f"{kind!r}: a type is one of float, int, bool and str")
    return TYPES[kind]


def quote(text: str) -> str:
    """Return a text as one word of at most MAX_TEXT_BYTES."""
    safe = text.encode("utf-8", "replace").decode()
    word = _SPECIAL.sub(lambda match: f"%{ord(match[0]):02X}", safe).encode()
    if len(word) > MAX_TEXT_BYTES:  # never inside a character or an escape
        word = re.sub(rb"%.?$", b"", word[:MAX_TEXT_BYTES])
    return word.decode("utf-8", "ignore")


def write(value: Value) -> str:
    """Return the word of a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return quote(value) if isinstance(value, str) else repr(value)


def read(kind: str, word: str) -> Value:
    """Return the value that a word says.

    Raises:
        ValueError: It is not of that type.
    """
    if kind == "string":
        plain = _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), word.encode())
        return plain.decode("utf-8", "replace")
    if kind == "bool":
        return word == "true"
    return int(word) if kind == "int" else float(word)
