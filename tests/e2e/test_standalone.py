"""`pilothouse-standalone up`: live series, nothing accepted is lost by kill -9, a clean stop."""

import http.cookiejar
import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pilothouse_common.broker.spool import Spool
from pilothouse_common.contract.samples import Sample, SampleEncoder, samples_message

from tests.support.process import Program, eventually, free_port
from tests.support.slurm import directory_for_all_users, private_slurm
from tests.support.stack import Client

COMMAND = [sys.executable, "-m", "pilothouse_standalone"]


class Standalone:
    """One data directory and the process that owns it."""

    def __init__(self, directory: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.data = directory / "data"
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        argv = [
            *COMMAND,
            "up",
            "--data",
            str(self.data),
            "--port",
            str(port),
            "--interval",
            "0.5",
            *options,
        ]
        self.program = Program(argv, log=directory / "standalone.log", env=env)

    def start(self) -> Client:
        self.program.start().wait_ready(lambda: "open (once" in self.program.output(), within=30)
        eventually(
            lambda: urllib.request.urlopen(f"{self.url}/healthz", timeout=2).close() is None,
            within=20,
        )
        return Client(self.url, (self.data / "admin.token").read_text().strip())


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Standalone]:
    process = Standalone(tmp_path)
    try:
        yield process
    finally:
        process.program.kill()


def test_this_machines_own_live_series_are_there_within_seconds(standalone):
    started = time.monotonic()
    client = standalone.start()

    node = eventually(lambda: client.every("/v1/nodes"), within=20)[0]
    hostname = node["hostname"]
    answer = eventually(
        lambda: [
            s
            for s in client.get(f"/v1/nodes/{hostname}/series", metrics="cpu_user", start="-1m")[
                "items"
            ]
            if len(s["values"]) > 1
        ],
        within=20,
    )

    assert answer[0]["unit"] == "%"
    assert time.monotonic() - started < 60


def test_the_login_link_works_once_and_the_token_is_for_its_owner_only(standalone):
    standalone.start()
    found = re.search(r"(http://\S+/login\?code=\S+)", standalone.program.output())
    assert found is not None
    browser = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )
    stranger = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )

    with browser.open(found[1], timeout=10) as page:
        assert page.status == 200
    with browser.open(f"{standalone.url}/v1/session", timeout=10) as session:
        assert b'"admin"' in session.read()

    with pytest.raises(urllib.error.HTTPError) as refused:
        stranger.open(found[1], timeout=10)
    assert 400 <= refused.value.code < 500
    refused.value.close()
    assert stat.S_IMODE((standalone.data / "admin.token").stat().st_mode) == 0o600


def test_what_was_accepted_is_there_after_kill_9(standalone):
    client = standalone.start()
    encoder = SampleEncoder("local", "far1")
    now = int(datetime.now(UTC).timestamp())
    accepted = 0

    for number in range(1, 60):
        message = encoder.message([Sample("cpu_load", float(number))], now - 600 + number)
        assert message is not None
        request = urllib.request.Request(
            f"{client.url}/v1/samples?cluster=local&hostname=far1",
            data=message.body,
            headers={
                "Authorization": f"Bearer {client.token}",
                "Content-Type": "text/plain",
                "Content-Encoding": "gzip",
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 202
        accepted = number
    standalone.program.kill()
    again = standalone.start()

    series = again.get(
        "/v1/nodes/far1/series",
        cluster="local",
        metrics="cpu_load",
        start=now - 700,
        end=now,
        resolution_seconds=1,
    )
    assert [v for s in series["items"] for v in s["values"]] == [
        float(n) for n in range(1, accepted + 1)
    ]


def test_what_cannot_be_stored_is_on_disk_with_its_reason(standalone):
    standalone.start()
    spool = standalone.data / "hooks" / "spool"

    Spool(spool).publish([samples_message("cluster.n1", b"no line protocol\n")])

    (reason,) = eventually(lambda: list((spool / "quarantine").glob("*.reason")), within=20)
    assert "no line protocol" in reason.read_text()
    assert reason.with_name(reason.name.removesuffix(".reason")).exists()


def test_ctrl_c_stops_it_cleanly(standalone):
    standalone.start()
    began = time.monotonic()

    standalone.program.signal(signal.SIGINT)
    code = standalone.program.wait(within=30)

    assert code == 0, standalone.program.output()
    assert time.monotonic() - began < 15
    assert "Traceback" not in standalone.program.output()


def test_a_second_process_on_the_same_data_is_refused_in_one_line(standalone):
    standalone.start()

    done = subprocess.run(
        [*COMMAND, "up", "--data", str(standalone.data), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("error: --data")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [["--port", "70000"], ["--interval", "0"], ["--cluster", "a b"], ["--data", "/proc/x"]],
)
def test_a_wrong_option_is_one_line_and_exit_2(tmp_path, options):
    done = subprocess.run(
        [*COMMAND, "up", "--data", str(tmp_path / "data"), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_with_slurm_its_jobs_are_seen_and_its_configuration_is_given_back():
    with directory_for_all_users() as folder, private_slurm(nodes=1, cluster="testing") as slurm:
        before = slurm.conf.read_text()
        environment = {
            "SLURM_CONF": str(slurm.conf),
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        }
        standalone = Standalone(folder, "--slurm", env=environment)
        try:
            client = standalone.start()
            assert "restart slurmctld" in standalone.program.output()
            slurm.slurmctld.stop()
            slurm.start()
            job_id = slurm.submit("#!/bin/sh\nsleep 1\nexit 4\n", job_name="seen")

            def ended() -> bool:
                jobs = client.every("/v1/jobs", cluster="testing")
                return [(j["job_id"], j["name"], j["exit_code"]) for j in jobs] == [
                    (job_id, "seen", 4)
                ]

            eventually(ended, within=30)
        finally:
            standalone.program.stop()
        done = subprocess.run(
            [*COMMAND, "unhook"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (done.returncode, done.stdout) == (0, "hooks removed\n"), done.stderr
        assert slurm.conf.read_text().rstrip() == before.rstrip()
