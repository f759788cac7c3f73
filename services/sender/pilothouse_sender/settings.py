"""Settings of the sender."""

from typing import Annotated

from msgspec import Meta
from pilothouse_common.runtime.settings import ProcessSettings


class SenderSettings(ProcessSettings, frozen=True, kw_only=True):
    """What the sender needs beside a carrier."""

    token: Annotated[
        str,
        Meta(
            description="token for an https:// carrier, with the scopes events:write and samples:write",
            extra={"secret": True},
        ),
    ] = ""
    publish_timeout_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="longest wait for the carrier to take a batch")
    ] = 30.0
    batch_messages: Annotated[
        int, Meta(ge=1, le=10_000, description="most messages given to the carrier at once")
    ] = 256
    parallel_spools: Annotated[
        int, Meta(ge=1, le=256, description="spools drained side by side without --follow")
    ] = 8
