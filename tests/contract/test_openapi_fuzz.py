"""Whatever fits or does not fit the OpenAPI document is sent: the answer is documented, never 5xx.

Once on the embedded stores, once on PostgreSQL and InfluxDB, with a token that may do everything.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from pilothouse_api.problems import MEDIA_TYPE
from pilothouse_api.routes import document_of, make_app
from pilothouse_common.contract.events import JobFinished, JobStarted, JobSubmitted, NodeReported
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import SampleStore
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.support.gateway import Live, served
from tests.support.influxdb import new_bucket, with_bucket
from tests.support.samples import a_body, a_line

EXAMPLES = int(os.environ.get("PILOTHOUSE_TEST_FUZZ_EXAMPLES", "40"))
CONFORMANCE = CHECKS.get_by_names(
    [
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
"""What is answered is what the document says."""
OPERATIONS = sorted(
    (method, path)
    for path, methods in document_of(make_app())["paths"].items()
    for method in methods
)
"""Set the variable to look longer."""


@pytest.fixture(scope="module", params=["embedded", "servers"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    directory: Path = tmp_path_factory.mktemp("fuzz")
    if request.param == "embedded":
        records_url = f"sqlite:///{directory}/records.sqlite"
        samples_url = f"duckdb:///{directory}/samples.duckdb"
    else:
        records_url = request.getfixturevalue("postgres_databases").migrated()
        samples_url = with_bucket(request.getfixturevalue("influx_base_url"), new_bucket())
    records, samples = Records(records_url), open_sample_store(samples_url)
    records.migrate()
    with served(records, samples) as made:
        fill(made, samples)
        made.ports.live.close()  # streams then end after their first lines
        yield made
    samples.close()
    records.close()


def fill(gateway: Live, samples: SampleStore) -> None:
    """Let the examples of the document exist."""
    now = datetime.now(UTC)
    gateway.record(
        NodeReported(cluster="alpha", hostname="n001", interval_seconds=10, hwthreads=4),
        JobSubmitted(cluster="alpha", job_id=4711, submit_time=now, user="alice", name="relax"),
        JobStarted(cluster="alpha", job_id=4711, start_time=now, user="alice", nodes=["n001"]),
        JobFinished(cluster="alpha", job_id=4710, start_time=now, end_time=now, exit_code=1),
    )
    second = int(now.timestamp())
    lines = [
        a_line(metric, i, second - 10 * i, cluster="alpha", hostname="n001")
        for metric in ("cpu_load", "cpu_user", "mem_used")
        for i in range(30)
    ]
    samples.write([a_body(*lines)])


@pytest.fixture(scope="module")
def schema(gateway: Live) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{gateway.service.url}/openapi.json")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_sent_is_answered_as_documented(
    gateway: Live, schema: OpenApiSchema, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {gateway.token()}"}
    operation = schema[path][method]
    either = operation.as_strategy(GenerationMode.POSITIVE)
    either |= operation.as_strategy(GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(exists=booleans(), case=either)
    def send(case: Any, exists: bool) -> None:
        if exists and case.path_parameters:
            case.path_parameters = {**case.path_parameters, "hostname": "n001", "job_id": "4711"}
        answer = case.call(headers=headers)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.headers["content-type"][0] == MEDIA_TYPE
        case.validate_response(answer, checks=CONFORMANCE)

    send()
