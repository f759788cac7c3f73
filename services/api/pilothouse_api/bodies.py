"""Request bodies of messages: unpacked within bounds."""

import zlib
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from pilothouse_common.errors import Malformed

from pilothouse_api.guards import too_large
from pilothouse_api.ports import ports_in


class RawBody:
    """A body as it came.

    Attributes:
        data: The bytes on the wire.
        packed: Whether they are gzip.
        media_type: Content-Type without parameters, lower case.
    """

    def __init__(self, data: bytes, *, packed: bool, media_type: str, limit_bytes: int) -> None:
        self.data = data
        self.packed = packed
        self.media_type = media_type
        self._limit = limit_bytes

    def unpacked(self) -> bytes:
        """Return the content.

        Raises:
            Malformed: Not gzip, or cut off.
            HTTPException: 413, larger than the limit when unpacked.
        """
        return unpack(self.data, limit_bytes=self._limit) if self.packed else self.data


async def read_body(request: Request) -> RawBody:
    """Return the body (the dependency of routes that take messages).

    Raises:
        HTTPException: 415 for an encoding that nobody here unpacks.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise HTTPException(415, "Content-Encoding: send gzip or identity")
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return RawBody(
        await request.body(),
        packed=encoding.endswith("gzip"),
        media_type=media_type,
        limit_bytes=ports_in(request).settings.unpacked_limit_bytes,
    )


Body = Annotated[RawBody, Depends(read_body)]


def unpack(data: bytes, *, limit_bytes: int) -> bytes:
    """Return the content of one or more gzip members, never holding more than the limit."""
    out: list[bytes] = []
    size = 0
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            chunk = member.decompress(data, limit_bytes - size + 1)
        except zlib.error as exc:
            raise Malformed(f"body: Content-Encoding says gzip, but: {exc}") from exc
        size += len(chunk)
        if size > limit_bytes:
            raise too_large(limit_bytes, "the unpacked body")
        if not member.eof:
            raise Malformed("body: the gzip stream is cut off")
        out.append(chunk)
        data = member.unused_data
    return b"".join(out)
