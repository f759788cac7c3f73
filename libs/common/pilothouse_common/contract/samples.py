"""Samples: ClusterCockpit line protocol, one field ``value``, time in seconds, gzip per message.

Source: ClusterCockpit specification, "cc-line-protocol"; InfluxDB line protocol reference.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pilothouse_common.contract.message import SAMPLES_CONTENT_TYPE, Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Malformed

TYPES = ("node", "socket", "die", "memoryDomain", "llc", "core", "hwthread", "accelerator")

SPARE_KEYS = 5000
"""Series keys that are kept beside twice those of the last message."""
_GZIP = b"\x1f\x8b\x08"
_ESCAPE = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_NAME_ESCAPE = str.maketrans({",": r"\,", " ": r"\ "})
_UNSPEAKABLE = re.compile(r"[^\S ]|[\x00-\x1f\x7f\\\ud800-\udfff]")
"""What line protocol cannot say in a name or tag: line ends, controls, a backslash at the end."""
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_HOSTNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")


class Sample(NamedTuple):
    """One value of one metric now, on this host.

    ``type`` is one of TYPES (the hardware level), ``type_id`` its number; ``stype`` and ``stype_id``
    name a part that is not hardware topology (a device, a file system, an interface).
    """

    name: str
    value: float
    type: str = "node"
    type_id: str = ""
    stype: str = ""
    stype_id: str = ""
    jobid: str = ""


def check_cluster(cluster: str) -> str:
    """Return the cluster name, or raise Malformed: it is one word of every routing key."""
    if not _LABEL.fullmatch(cluster):
        raise Malformed(f"cluster {cluster!r}: use letters, digits, '-' and '_', at most 63")
    return cluster


def check_hostname(hostname: str) -> str:
    """Return the hostname, or raise Malformed."""
    if not _HOSTNAME.fullmatch(hostname):
        raise Malformed(f"hostname {hostname!r}: use letters, digits, '-', '_' and '.'")
    return hostname


class SampleEncoder:
    """Turns samples of one host into one message; a series key is built once and then reused."""

    def __init__(self, cluster: str, hostname: str) -> None:
        self._cluster = check_cluster(cluster)
        self._hostname = check_hostname(hostname)
        self._routing_key = f"{cluster}.{hostname}"
        self._keys: dict[tuple[str, ...], str] = {}

    def lines(self, samples: Iterable[Sample], time_seconds: int) -> str:
        """Return line protocol, tags in sorted order; values that are not finite are left out."""
        keys = self._keys
        out: list[str] = []
        end = f" {time_seconds}\n"
        for sample in samples:
            name, value, level, level_id, stype, stype_id, jobid = sample
            key = (name, level, level_id, stype, stype_id, jobid)
            prefix = keys.get(key)
            if prefix is None:
                prefix = keys[key] = self._series_key(sample)
            if value - value == 0.0:  # false for NaN and infinities, which InfluxDB refuses
                out.append(f"{prefix}{value!r}{end}")
        if len(keys) > 2 * len(out) + SPARE_KEYS:  # mostly of jobs that ended
            self.forget()
        return "".join(out)

    def message(self, samples: Iterable[Sample], time_seconds: int) -> Message | None:
        """Return one publishable message, or None when there is nothing to say."""
        text = self.lines(samples, time_seconds)
        if not text:
            return None
        return samples_message(self._routing_key, text.encode(), newest_seconds=time_seconds)

    def forget(self) -> None:
        """Drop the cached series keys (devices and jobs come and go)."""
        self._keys.clear()

    def _series_key(self, sample: Sample) -> str:
        tags = {
            "cluster": self._cluster,
            "hostname": self._hostname,
            "jobid": sample.jobid,
            "stype": sample.stype,
            "stype-id": sample.stype_id,
            "type": sample.type,
            "type-id": sample.type_id,
        }
        text = "".join(f",{k}={_speakable(v).translate(_ESCAPE)}" for k, v in tags.items() if v)
        return f"{_speakable(sample.name).translate(_NAME_ESCAPE)}{text} value="


def _speakable(text: str) -> str:
    return _UNSPEAKABLE.sub("_", text)


def samples_message(routing_key: str, line_protocol: bytes, *, newest_seconds: int = 0) -> Message:
    """Wrap line protocol as a message whose body is one gzip member.

    ``newest_seconds`` is the Unix time of the newest line. It travels as MTIME in the gzip header
    (RFC 1952, 2.3.1; 0: unknown), where ingest reads it without unpacking: see newest_time().
    """
    mtime = newest_seconds if 0 <= newest_seconds < 2**32 else 0
    body = gzip.compress(line_protocol, compresslevel=1, mtime=mtime)
    return Message(Exchange.SAMPLES, routing_key, body, SAMPLES_CONTENT_TYPE, "gzip")


def newest_time(body: bytes) -> int:
    """Return the Unix time of a body's newest line: from the gzip header, else from its last line.

    Raises:
        Malformed: Not a gzip stream.
    """
    if body[:3] != _GZIP:
        raise Malformed("samples: not a gzip stream")
    mtime = int.from_bytes(body[4:8], "little")
    if mtime:
        return mtime
    last = decompress(body).rstrip().rpartition(b" ")[2]
    return int(last) if last.isdigit() and len(last) < 20 else 0


def decompress(body: bytes, *, limit_bytes: int = 64 << 20) -> bytes:
    """Return the text of one or more gzip members.

    Raises:
        Malformed: Not gzip, cut off, or larger than the limit when unpacked.
    """
    out: list[bytes] = []
    size = 0
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            chunk = member.decompress(body, limit_bytes - size + 1)
        except zlib.error as exc:
            raise Malformed(f"samples: not a gzip stream ({exc})") from exc
        size += len(chunk)
        if size > limit_bytes:
            raise Malformed(f"samples: more than {limit_bytes} bytes when unpacked")
        if not member.eof:
            raise Malformed("samples: the gzip stream is cut off")
        out.append(chunk)
        body = member.unused_data
    return b"".join(out)


class Point(NamedTuple):
    """One parsed line: what the embedded store and the in-process tests need."""

    name: str
    tags: dict[str, str]
    value: float
    time_seconds: int


_LINE = re.compile(
    r"(?P<name>(?:\\.|[^,\s\\])+)(?P<tags>(?:,(?:\\.|[^,=\s\\])+=(?:\\.|[^,\s\\])+)*)"
    r" value=(?P<value>[-+0-9.eE]+)[iu]? (?P<time>-?\d+)"
)
_TAG = re.compile(r",((?:\\.|[^,=\\])+)=((?:\\.|[^,\\])+)")
_UNESCAPE = re.compile(r"\\([,= ])")


def parse_line(line: str) -> Point:
    """Parse one line of the contract's form (one field ``value``, seconds).

    Raises:
        Malformed: With the line itself, cut to 120 characters.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise Malformed(f"not a line `name,tag=x value=1.5 1700000000`: {line[:120]!r}")
    try:
        value = float(match["value"])
    except ValueError as exc:
        raise Malformed(f"not a number: {line[:120]!r}") from exc
    tags = {_plain(k): _plain(v) for k, v in _TAG.findall(match["tags"])}
    return Point(_plain(match["name"]), tags, value, int(match["time"]))


def parse_lines(text: str) -> Iterator[Point]:
    """Parse every line that is not empty and not a comment."""
    for line in text.split("\n"):
        if line and not line.startswith("#"):
            yield parse_line(line.rstrip("\r"))


def _plain(text: str) -> str:
    return _UNESCAPE.sub(r"\1", text) if "\\" in text else text
