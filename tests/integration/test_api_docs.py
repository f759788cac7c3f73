"""Every curl example of docs/api.md works as it is written."""

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pilothouse_common.contract.events import JobStarted, NodeReported
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.port import SampleStore

from tests.support import provide
from tests.support.gateway import Live, served

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
EXAMPLES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]
OUT_OF_TIME = 28
"""curl's exit code after --max-time: how an example without end ends here."""


@pytest.fixture
def live(sqlite_records: Records, sample_store: SampleStore) -> Iterator[Live]:
    with served(sqlite_records, sample_store) as made:
        made.record(
            NodeReported(cluster="alpha", hostname="n001"),
            JobStarted(cluster="alpha", job_id=4711, start_time=datetime.now(UTC), nodes=["n001"]),
        )
        yield made


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_works(live: Live, example: str) -> None:
    provide.program("curl", packages=["curl"])
    endless = "/v1/live" in example
    command = example.replace("curl ", f"curl --max-time {1 if endless else 20} ", 1)

    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "URL": live.service.url, "TOKEN": live.token()},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == (OUT_OF_TIME if endless else 0), done.stderr
    assert done.stdout.startswith("retry: " if endless else "{")
