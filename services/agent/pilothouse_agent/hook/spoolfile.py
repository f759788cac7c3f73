"""Write one event into a spool directory with system calls alone. Format 1 of docs/spool.md.

The same bytes as ``pilothouse_common.broker.spool_format.encode_file``, which a test compares; that
module imports a JSON library and regular expressions, which cost more than the whole hook.
"""

import posix as os  # the same calls; `os` itself takes a tenth of the hook's time to load

from pilothouse_agent.hook.document import json_object

EXCHANGE = "pilothouse.events"
FIFO = 0o010000
FEW_BYTES = 4096
_CRC = (
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
)  # fmt: skip
"""CRC-32 (IEEE 802.3, reflected) of the sixteen values of four bits."""
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"


def encode_spool_file(routing_key: str, message_id: str, body: bytes) -> bytes:
    """Return the bytes of the file: one header line, then the body."""
    header = json_object(
        [
            ("version", 1),
            ("exchange", EXCHANGE),
            ("routing_key", routing_key),
            ("content_type", CONTENT_TYPE),
            ("content_encoding", ""),
            ("message_id", message_id),
            ("body_bytes", len(body)),
            ("crc32", crc32(body)),
        ]
    )
    return header.encode() + b"\n" + body


def crc32(data: bytes) -> int:
    """Return what ``zlib.crc32`` does; loading its library takes longer than a usual event."""
    if len(data) > FEW_BYTES:
        from binascii import crc32 as fast

        return fast(data)
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        crc = crc >> 4 ^ _CRC[crc & 15]
        crc = crc >> 4 ^ _CRC[crc & 15]
    return crc ^ 0xFFFFFFFF


def write_spool_file(spool: str, name: str, data: bytes) -> None:
    """Add a file under its final name once it is whole; then wake the reader.

    It is not synced to the disk: behind a job's own writes that takes longer than a job may be kept
    waiting. What a power failure tears, the reader finds by its checksum and the watcher repairs.

    Raises:
        OSError: It could not be written.
    """
    folder = f"{spool}/events"
    temporary = f"{folder}/.{name}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(temporary, flags, 0o640)
    except FileNotFoundError:
        _make_folders(spool, folder)
        file = os.open(temporary, flags, 0o640)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.rename(temporary, f"{folder}/{name}")
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(file)
    _wake(spool)


def spool_name(time_ns: int, host: str, pid: int) -> str:
    """Return the file's name: names sort by time."""
    safe = "".join(c if c in _NAME_CHARACTERS else "_" for c in host)[:200] or "_"
    return f"{time_ns:020d}-{safe}-{pid}-0.msg"


def _make_folders(*paths: str) -> None:
    """Make what is missing, but not its parents: a disk that is not mounted must not be filled."""
    for path in paths:
        try:
            os.mkdir(path, 0o770)
        except FileExistsError:
            continue


def _wake(spool: str) -> None:
    """Tell a waiting reader. Without one there is nobody to tell: it looks when it starts."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fifo = os.open(f"{spool}/wake", flags)
    except OSError:
        return
    try:
        if os.fstat(fifo).st_mode & 0o170000 == FIFO:
            os.write(fifo, b"\n")
    except OSError:
        return  # full: it is awake already
    finally:
        os.close(fifo)
