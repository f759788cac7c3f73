"""The answer of /v1/live: counted for exactly as long as it lasts."""

from fastapi import HTTPException
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pilothouse_api.live.hub import StreamLimit
from pilothouse_api.live.stream import Stream

RETRY_SECONDS = 10


class LiveResponse(StreamingResponse):
    """A stream of server-sent events; 429 when as many are open as may be."""

    media_type = "text/event-stream"

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__((), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer.

        Raises:
            HTTPException: 429, before anything was sent.
        """
        try:
            subscription = self._stream.subscribe()
            with subscription as waker:
                self.body_iterator = self._stream.run(waker)
                await super().__call__(scope, receive, send)
        except StreamLimit as exc:
            raise HTTPException(
                429, f"too many open streams: {exc}", {"Retry-After": str(RETRY_SECONDS)}
            ) from exc
