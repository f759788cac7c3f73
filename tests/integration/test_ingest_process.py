"""The process itself: its command line, its settings, its health."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ingest import ingest_program
from tests.support.process import Program, eventually, free_port

GOOD = {
    "PILOTHOUSE_BROKER_URL": "amqp://guest:guest@127.0.0.1:1/",
    "PILOTHOUSE_SAMPLES_URL": "influxdb://127.0.0.1:1/b",
    "PILOTHOUSE_RECORDS_URL": "sqlite:////tmp/never-opened.sqlite",
}


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pilothouse_ingest", *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_says_what_it_needs():
    done = run("--help")

    assert done.returncode == 0
    assert "PILOTHOUSE_SAMPLES_URL" in done.stdout


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("PILOTHOUSE_BROKER_URL", None, "set PILOTHOUSE_BROKER_URL"),
        ("PILOTHOUSE_BROKER_URL", "https://gateway", "https"),
        (
            "PILOTHOUSE_SAMPLES_URL",
            "redis://hidden-word@x/y",
            "sample store: unknown scheme 'redis'",
        ),
        ("PILOTHOUSE_SAMPLES_URL", "influxdb://hidden-word@x:y/z", "sample store"),
        ("PILOTHOUSE_RECORDS_URL", "mysql://hidden-word@x/y", "records URL"),
        ("PILOTHOUSE_INGEST_WORKERS", "0", "PILOTHOUSE_INGEST_WORKERS"),
        ("PILOTHOUSE_INGEST_BATCH_AGE_SECONDS", "soon", "PILOTHOUSE_INGEST_BATCH_AGE_SECONDS"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(setting: str, value: str | None, words: str):
    env = {k: v for k, v in {**GOOD, setting: value}.items() if v is not None}

    done = run(**env)

    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hidden-word" not in done.stderr


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[tuple[Program, int]]:
    """Ingest with neither broker nor sample store."""
    port = free_port()
    program = ingest_program(
        broker_url=GOOD["PILOTHOUSE_BROKER_URL"],
        samples_url=GOOD["PILOTHOUSE_SAMPLES_URL"],
        records_url=f"sqlite:///{tmp_path}/records.sqlite",
        log=tmp_path / "log",
        more={"PILOTHOUSE_HEALTH_PORT": str(port)},
    ).start()
    yield program, port
    program.kill()


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read()


def test_without_broker_and_store_it_lives_says_so_and_stops_when_told(lonely: tuple[Program, int]):
    program, port = lonely
    base = f"http://127.0.0.1:{port}"

    eventually(lambda: get(f"{base}/healthz") == (200, b'{"status":"ok"}'), within=20)
    eventually(lambda: json.loads(get(f"{base}/readyz")[1])["records"] == "ok", within=20)
    status, body = get(f"{base}/readyz")

    assert status == 503
    parts = json.loads(body)
    assert parts["records"] == "ok"
    assert "127.0.0.1:1" in parts["samples"]
    assert parts["broker"] != "ok"
    assert b"pilothouse_ingest_write_seconds" in get(f"{base}/metrics")[1]
    assert program.stop(within=15) == 0
    assert "Traceback" not in program.output()
