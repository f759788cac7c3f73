"""Settings of ingest."""

from typing import Annotated

from msgspec import Meta
from pilothouse_common.runtime.settings import ProcessSettings


class IngestSettings(ProcessSettings, frozen=True, kw_only=True):
    """What ingest needs beside a broker. A batch is closed by whichever bound is reached first."""

    records_url: Annotated[
        str,
        Meta(
            description="record store: postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE",
            extra={"secret": True},
        ),
    ]
    samples_url: Annotated[
        str,
        Meta(
            description="sample store: influxdb://HOST:PORT/BUCKET?org=… or duckdb:///FILE",
            extra={"secret": True},
        ),
    ]
    ingest_workers: Annotated[
        int, Meta(ge=1, le=64, description="threads that write samples; each has a connection")
    ] = 1
    ingest_batch_messages: Annotated[
        int, Meta(ge=1, le=50_000, description="most messages of samples in one write")
    ] = 1000
    ingest_batch_bytes: Annotated[
        int, Meta(ge=1024, description="most compressed bytes of samples in one write")
    ] = 256 << 10
    ingest_batch_age_seconds: Annotated[
        float, Meta(gt=0, le=60, description="longest wait for more messages before a write")
    ] = 0.1
    ingest_event_messages: Annotated[
        int, Meta(ge=1, le=10_000, description="most events in one transaction")
    ] = 500
    ingest_max_future_seconds: Annotated[
        int,
        Meta(ge=1, description="samples newer than now plus this are refused: a clock is wrong"),
    ] = 600
    ingest_hold_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="outage of a store after which its messages go back to the queue until it answers",
        ),
    ] = 300.0
