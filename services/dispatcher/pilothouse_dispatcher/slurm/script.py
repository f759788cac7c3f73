"""``#SBATCH`` lines of a script become fields, because slurmrestd does not read them. Source: sbatch(1)."""

import getopt
import shlex
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from pilothouse_common.errors import Malformed

from pilothouse_dispatcher.slurm.description import JobDescription, check
from pilothouse_dispatcher.slurm.words import bytes_of, range_of, seconds_of, time_of

_Fields = dict[str, Any]
_USUAL_NICE = 100  # what --nice without a value means
_SHORT = {
    "A": "account", "a": "array", "C": "constraint", "c": "cpus-per-task", "D": "chdir", "d": "dependency",
    "e": "error", "H": "hold", "i": "input", "J": "job-name", "L": "licenses", "N": "nodes", "n": "ntasks",
    "o": "output", "p": "partition", "q": "qos", "t": "time", "b": "begin",
}  # fmt: skip
_TEXT = {
    "account": "account", "array": "array", "constraint": "constraints", "chdir": "work_dir",
    "dependency": "dependency", "error": "standard_error", "input": "standard_input", "job-name": "name",
    "licenses": "licenses", "output": "standard_output", "partition": "partition", "qos": "qos",
    "reservation": "reservation", "comment": "comment",
}  # fmt: skip
_NUMBER = {
    "cpus-per-task": "cpus_per_task", "ntasks": "tasks", "ntasks-per-node": "tasks_per_node",
    "gpus-per-node": "gpus_per_node",
}  # fmt: skip
_FLAG: Mapping[str, tuple[str, bool]] = {
    "hold": ("hold", True), "exclusive": ("exclusive", True),
    "requeue": ("requeue", True), "no-requeue": ("requeue", False),
}  # fmt: skip


def _gres(text: str) -> str:
    """Turn ``gpu:2`` of ``--gres`` into a TRES."""
    return ",".join(
        word if word.startswith("gres/") else f"gres/{word}" for word in text.split(",")
    )


def _nodes(text: str) -> _Fields:
    least, most = range_of(text)
    return {"min_nodes": least, "max_nodes": most}


def _readers(now: datetime) -> dict[str, Callable[[str], _Fields]]:
    return {
        "time": lambda text: {"time_limit_seconds": seconds_of(text)},
        "mem": lambda text: {"memory_per_node_bytes": bytes_of(text)},
        "mem-per-cpu": lambda text: {"memory_per_cpu_bytes": bytes_of(text)},
        "nodes": _nodes,
        "gres": lambda text: {"tres_per_node": _gres(text)},
        "begin": lambda text: {"begin_time": time_of(text, now)},
        "nice": lambda text: {"nice": int(text)},
    }


def lifted(script: str, fields: Mapping[str, Any], *, now: datetime) -> JobDescription:
    """Return the description of a script with its ``#SBATCH`` options; what ``fields`` says wins.

    Args:
        script: The batch script.
        fields: Fields of JobDescription, without the script.
        now: For ``--begin=now+1hour``.

    Raises:
        Malformed: With the line: an option that is not known here, or a wrong value.
    """
    found: _Fields = {"work_dir": "/", "environment": {}}
    readers = _readers(now)
    for number, words in _directives(script):
        try:
            found |= _options(words, readers)
        except (ValueError, getopt.GetoptError) as exc:
            raise Malformed(
                f"script, line {number}: #SBATCH {' '.join(words)[:200]}: {exc}"
            ) from exc
    whole = {**found, **fields, "script": script}
    try:
        return check(msgspec.convert(whole, JobDescription))
    except msgspec.ValidationError as exc:
        raise Malformed(f"job: {exc}") from exc


def _directives(script: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and words of each directive; sbatch looks no further than the first command."""
    for number, line in enumerate(script.splitlines(), start=1):
        if line.startswith("#SBATCH"):
            try:
                yield number, shlex.split(line.removeprefix("#SBATCH"), comments=True)
            except ValueError as exc:
                raise Malformed(f"script, line {number}: {exc}") from exc
        elif line.strip() and not line.lstrip().startswith("#"):
            return


def _options(words: list[str], readers: Mapping[str, Callable[[str], _Fields]]) -> _Fields:
    """Read the options of one line.

    Raises:
        GetoptError, ValueError: Not an option of ours, or not its value.
    """
    words = [f"--nice={_USUAL_NICE}" if word == "--nice" else word for word in words]
    short = "".join(key if name in _FLAG else f"{key}:" for key, name in _SHORT.items())
    valued = (f"{name}=" for name in (*_TEXT, *_NUMBER, *readers))
    options, rest = getopt.getopt(words, short, [*_FLAG, *valued])
    if rest:
        raise ValueError(f"{rest[0]!r} is not an option")
    fields: _Fields = {}
    for key, text in options:
        name = _SHORT[key[1]] if not key.startswith("--") else key[2:]
        fields |= _field(name, text, readers)
    return fields


def _field(name: str, text: str, readers: Mapping[str, Callable[[str], _Fields]]) -> _Fields:
    if name in _FLAG:
        field, value = _FLAG[name]
        return {field: value}
    if name in _TEXT:
        return {_TEXT[name]: text}
    if name in _NUMBER:
        return {_NUMBER[name]: int(text)}
    return readers[name](text)
