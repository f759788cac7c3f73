"""The lines between a simulation and its agent (docs/simulation-protocol.md): pure, both directions.

A line is words with one space between them and a newline at its end, UTF-8. In a word, ``%``, space and
control characters are percent-encoded; a word may be empty.
"""

import math
import re
from typing import cast
from urllib.parse import unquote_to_bytes

from pilothouse_common.contract.commands import NAME, Argument, Function, SimType, Variable
from pilothouse_common.contract.commands import Value as SimValue
from pilothouse_common.errors import Malformed

VERSION = "1"
MAX_LINE_BYTES = 4096
"""With the newline."""
MAX_TEXT_BYTES = 1000
"""Of a text value, as encoded."""
MAX_ARGUMENTS = 16
MAX_INT = 2**63 - 1
TYPES: tuple[SimType, ...] = ("float", "int", "bool", "string")
_NAME = re.compile(NAME)
_INT = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,5})?|[+-]?(inf|nan)", re.ASCII
)
_SPECIAL = re.compile(r"[\x00-\x20%\x7f]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def words_of(line: bytes) -> list[str]:
    """Return the words of a line without its newline.

    Raises:
        Malformed: Not UTF-8.
    """
    try:
        return line.decode().split(" ")
    except UnicodeDecodeError as exc:
        raise Malformed("not UTF-8") from exc


def line_of(*words: str) -> bytes:
    """Return a line of words that are encoded already, with its newline."""
    return (" ".join(words) + "\n").encode()


def quote(text: str) -> str:
    """Return a text as one word."""
    safe = text.encode("utf-8", "replace").decode()
    return _SPECIAL.sub(lambda match: f"%{ord(match[0]):02X}", safe)


def unquote(word: str) -> str:
    """Return the text of a word.

    Raises:
        Malformed: The encoded bytes are not UTF-8.
    """
    try:
        return unquote_to_bytes(word).decode()
    except UnicodeDecodeError as exc:
        raise Malformed("a percent-encoded text is not UTF-8") from exc


def plain(text: str) -> str:
    """Return a text without control characters, which nothing downstream has to see."""
    return _UNPRINTABLE.sub("_", text)


def read_name(word: str) -> str:
    """Return a name of a variable, function or argument.

    Raises:
        Malformed: Not letters, digits, ``_`` and ``.``, or too long.
    """
    if not _NAME.fullmatch(word):
        raise Malformed(
            f"name {plain(word)[:70]!r}: use a letter or _, then letters, digits, _ and ., at most 63"
        )
    return word


def read_type(word: str) -> SimType:
    """Return a type.

    Raises:
        Malformed: None of TYPES.
    """
    if word not in TYPES:
        raise Malformed(f"type {plain(word)[:20]!r}: use one of {', '.join(TYPES)}")
    return word


def read_value(kind: SimType, word: str) -> SimValue:
    """Return the value that a word says.

    Raises:
        Malformed: Not a value of this type, or a text that is too long.
    """
    if kind == "string":
        if len(word.encode()) > MAX_TEXT_BYTES:
            raise Malformed(f"a text has more than {MAX_TEXT_BYTES} bytes")
        return plain(unquote(word))
    if kind == "bool" and word in ("true", "false"):
        return word == "true"
    if kind == "int" and _INT.fullmatch(word) and -MAX_INT <= int(word) <= MAX_INT:
        return int(word)
    if kind == "float" and len(word) <= 64 and _FLOAT.fullmatch(word):
        return float(word)
    raise Malformed(f"{plain(word)[:40]!r} is no {kind}")


def write_value(kind: SimType, value: SimValue) -> str:
    """Return the word of a value.

    Raises:
        Malformed: Not a value of this type (an integer is a float too), or a text that is too long.
    """
    if kind == "string" and isinstance(value, str):
        word = quote(value)
        if len(word.encode()) > MAX_TEXT_BYTES:
            raise Malformed(f"a text has more than {MAX_TEXT_BYTES} bytes")
        return word
    if kind == "bool" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value))
    raise Malformed(f"{str(value)[:40]!r} is no {kind}")


def read_variable(words: list[str]) -> Variable:
    """Return what ``VAR name type r|rw [unit=…] [min=…] [max=…]`` declares (words after VAR).

    Raises:
        Malformed: Anything else.
    """
    if len(words) < 3 or words[2] not in ("r", "rw"):
        raise Malformed("VAR: expected VAR name type r|rw [unit=…] [min=…] [max=…]")
    options = _options(words[3:], ("unit", "min", "max"))
    low, high = _bound(options, "min"), _bound(options, "max")
    if low is not None and high is not None and low > high:
        raise Malformed("VAR: min is above max")
    return Variable(
        name=read_name(words[0]),
        type=read_type(words[1]),
        unit=plain(unquote(options.get("unit", "")))[:32],
        writable=words[2] == "rw",
        min=low,
        max=high,
    )


def read_function(words: list[str]) -> Function:
    """Return what ``FUNC name [argument:type …]`` declares (words after FUNC).

    Raises:
        Malformed: Anything else.
    """
    if not words or len(words) > MAX_ARGUMENTS + 1:
        raise Malformed(f"FUNC: expected FUNC name [argument:type …], at most {MAX_ARGUMENTS}")
    arguments = []
    for word in words[1:]:
        name, _, kind = word.partition(":")
        arguments.append(Argument(name=read_name(name), type=read_type(kind)))
    if len({argument.name for argument in arguments}) != len(arguments):
        raise Malformed("FUNC: two arguments have one name")
    return Function(name=read_name(words[0]), arguments=arguments)


def read_hello(words: list[str]) -> tuple[str, int | None, int | None]:
    """Return name, rank and job id of ``HELLO 1 name [rank=…] [job=…]`` (words after HELLO).

    Raises:
        Malformed: Another version, or no name.
    """
    if len(words) < 2 or words[0] != VERSION:
        raise Malformed(f"expected HELLO {VERSION} name [rank=…] [job=…]")
    name = plain(unquote(words[1]))[:63]
    if not name.strip():
        raise Malformed("HELLO: the name is empty")
    options = _options(words[2:], ("rank", "job"))
    return name, _count(options, "rank"), _count(options, "job")


def _options(words: list[str], known: tuple[str, ...]) -> dict[str, str]:
    pairs = (word.partition("=") for word in words)
    return {key: value for key, _, value in pairs if key in known}  # others came later than we


def _bound(options: dict[str, str], key: str) -> float | None:
    if key not in options:
        return None
    bound = cast(float, read_value("float", options[key]))
    if not math.isfinite(bound):
        raise Malformed(f"VAR: {key} is not finite")
    return bound


def _count(options: dict[str, str], key: str) -> int | None:
    text = options.get(key, "")
    return int(text) if re.fullmatch("[0-9]{1,15}", text, re.ASCII) else None
