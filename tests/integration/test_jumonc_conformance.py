"""The real JuMonC and ours beside each other: its links crawled with every token, every answer compared.

What differs is in KNOWN, each with what it repairs; anything else fails, and so does a known
difference that is none.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from pilothouse_api.compat.jumonc.levels import LEVELS

from tests.support.jumonc_real import RealJumonc, real_jumonc
from tests.support.jumonc_shape import Reply, fetch, shape, shape_of
from tests.support.process import Program, eventually, free_port

ROOT = Path(__file__).resolve().parents[2]
NAMES = [level.name for level in LEVELS]
CLOCK_IS_THERE = Path("/sys/devices/system/cpu/cpu0/cpufreq").exists()


@dataclass(frozen=True)
class Known:
    """One difference that is meant.

    Attributes:
        path: Pattern of path and query.
        real: Status of the real one.
        ours: Our status.
        repairs: What is broken there.
    """

    path: str
    real: int
    ours: int
    repairs: str


KNOWN = [
    Known(r"/all_links", 500, 200, "its map of URLs is not made for JSON"),
    Known(r"/v1/cpu/config/model", 404, 200, "the CPU's facts are nowhere"),
    Known(r"/v1/cpu/config", 200, 200, "the index of the CPU's facts is empty"),
    Known(r"/v1/gpu/(status|config)/\S+", 404, 401, "without GPUs even the path is not there"),
    Known(r"/v1/io/status/\w+\?duration=.*", 200, 200, "the duration is ignored: no rate"),
    Known(r"/v1/network/status/Bytes\?duration=0", 500, 200, "division by zero"),
    Known(r"/v1/\w+/status/\w+\?node=nowhere", 200, 404, "the node is ignored"),
    Known(r"/v1/cache/list\?entries=0", 500, 422, "division by zero"),
    Known(r"/v1/cache/list\?entries=-1", 200, 422, "pages of a negative length"),
    Known(r"/v1/cache/list\?path=main_memory", 200, 200, "an underscore finds nothing"),
    Known(r"/v1/cache/list\?.*page=2.*", 200, 200, "the previous page's link leads nowhere"),
    Known(r"/v1/cache/list\?page=999", 200, 200, "the previous page's link leads nowhere"),
]
if not CLOCK_IS_THERE:
    KNOWN.append(Known(r"/v1/cpu/status/frequency\S*", 200, 404, "a guess where no clock is told"))

MORE_PATHS = [
    *(f"/test_auth_{name}" for name in NAMES),
    "/all_links", "/ping/", "/v1/cpu/", "/v2", "/v1/io/config", "/v1/io/config/x", "/v1/job/status/x",
    "/v1/cpu/status/nope", "/v1/cpu/config/nope", "/v1/job/config/nope", "/v1/network/status/nope",
    "/v1/cpu/config/model", "/v1/gpu/status/power.draw", "/v1/network/status/bytes",
    "/v1/network/status/all?interface=total", "/v1/network/status/Bytes?interface=nowhere",
    "/v1/network/status/All?humanReadable=false", "/v1/network/status/Drop?humanReadable=perhaps",
    "/v1/network/status/Bytes?duration=0.05", "/v1/network/status/Bytes?duration=x",
    "/v1/network/status/Bytes?duration=0", "/v1/network/status/Packets?duration=0.2",
    "/v1/network/status/Packets?duration=0.2&prefer_id=True",
    "/v1/main_memory/status/free?humanReadable=0", "/v1/main_memory/status/free?duration=2",
    "/v1/main_memory/config/total?humanReadable=no", "/v1/io/status/read_bytes?humanReadable=off",
    "/v1/io/status/write_bytes?duration=3", "/v1/cpu/status/load?prefer_id=True",
    "/v1/cpu/status/load?prefer_id=nonsense", "/v1/cpu/status/load?node=nowhere",
    "/v1/cache/list?entries=3", "/v1/cache/list?entries=3&page=2", "/v1/cache/list?page=0",
    "/v1/cache/list?page=999", "/v1/cache/list?entries=x&page=y", "/v1/cache/list?path=cpu&entries=1",
    "/v1/cache/list?path=*cpu*&entries=1", "/v1/cache/list?path=nowhere", "/v1/cache/list?entries=0",
    "/v1/cache/list?entries=-1", "/v1/cache/list?path=main_memory",
    "/v1/cache/id?id=9999999", "/v1/cache/id?id=x",
    "/v1/scheduled/schedule?interval=5000", "/v1/scheduled/schedule?task=/v1/cpu/status/load",
    "/v1/scheduled/cancel?id=99", "/v1/scheduled/cancel?ID=99", "/v1/scheduled/result?id=99",
    "/v1/scheduled/result?ID=x",
]  # fmt: skip
ADDED = re.compile(r"/v1/cpu/status/(ipc|flops_\w+|mem_bw)|/v1/gpu/(status|config)/\S+")
"""Links to what the real one cannot measure."""


class OurJob:
    """`pilothouse-standalone job` on one node."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.port = free_port()
        self._data = directory / "data"
        command = [sys.executable, "-m", "pilothouse_standalone", "job", "--interval", "1"]
        self.program = Program(
            [*command, "--port", str(self.port), "--data", str(self._data)],
            log=directory / "log",
            env={"PILOTHOUSE_DETAIL": "all"},
        )

    def wait_ready(self) -> None:
        """Wait until counters are there: they need two samples."""
        self.program.wait_ready((self._data / "tokens").exists, within=60)
        last = "/v1/network/status/All"
        token = self.tokens["full"]
        eventually(lambda: fetch(self.port, last, token=token).status == 200, within=30)
        disks = "/v1/io/status/read_merged_count"
        eventually(lambda: fetch(self.port, disks, token=token).status == 200, within=30)

    @cached_property
    def tokens(self) -> dict[str, str]:
        lines = (self._data / "tokens").read_text().split("\n")
        return dict(line.split(": ") for line in lines if line)


@dataclass(frozen=True)
class Pair:
    """Both, asked the same."""

    real: RealJumonc
    ours: OurJob
    pool: ThreadPoolExecutor

    def ask(self, path: str, level: str | None, **request: Any) -> tuple[Reply, Reply]:
        def fetch_from(server: RealJumonc | OurJob) -> Reply:
            token = "0" * 48 if level == "wrong" else server.tokens.get(level or "")
            return fetch(server.port, path, token=token, **request)

        real, ours = self.pool.map(fetch_from, self.both)
        return real, ours

    @property
    def both(self) -> tuple["RealJumonc | OurJob", "RealJumonc | OurJob"]:
        return self.real, self.ours


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    directory = tmp_path_factory.mktemp("jumonc")
    ours = OurJob(directory / "ours")
    ours.program.start()
    try:
        with real_jumonc(directory / "real") as real, ThreadPoolExecutor(2) as pool:
            real.wait_ready()
            ours.wait_ready()
            yield Pair(real, ours, pool)
    finally:
        ours.program.kill()


def crawl(pair: Pair) -> list[str]:
    """Return every path that the real one leads to from its root."""
    found, waiting = [], ["/"]
    while waiting:
        path = waiting.pop(0)
        if path in found or path == "/stop":  # it would hang; it has a test of its own
            continue
        found.append(path)
        reply = fetch(pair.real.port, path, token=pair.real.tokens["full"])
        if reply.content_type == "application/json" and isinstance(reply.body, list):
            waiting += [x["link"] for x in reply.body if isinstance(x, dict) and "isOptional" in x]
    return found


def without_added(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {key: each for key, each in shape.items() if not ADDED.fullmatch(key)}
    return shape


def test_every_answer_to_every_token_is_that_of_the_real_one(pair: Pair) -> None:
    paths = crawl(pair) + MORE_PATHS
    assert len(paths) > 80
    differences, seen = [], set()
    for level in [*NAMES, None, "wrong"]:
        for path in paths:
            real, ours = pair.ask(path, level)
            one = (real.status, real.content_type, shape_of(real))
            other = (ours.status, ours.content_type, without_added(shape_of(ours)))
            if one == other:
                continue
            for number, known in enumerate(KNOWN):
                meant = (real.status, ours.status) == (known.real, known.ours)
                if meant and re.fullmatch(known.path, path):
                    seen.add(number)
                    break
            else:
                differences.append(f"{path} with {level}:\n  {one}\n  {other}")

    assert not differences, "\n".join(differences)
    assert [known for i, known in enumerate(KNOWN) if i not in seen] == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_have_the_same_status(pair: Pair, method: str) -> None:
    for path in ("/ping", "/v1", "/v1/cpu/status/load", "/login"):
        for level in ("full", None):
            real, ours = pair.ask(path, level, method=method)
            assert (real.status, real.text) == (ours.status, ours.text) or real.status == 405
            assert real.status == ours.status, path


def test_a_session_goes_the_same_way(pair: Pair) -> None:
    replies: list[list[Any]] = [[], []]
    opened = pair.ask("/login", "compute_data")
    cookies = [reply.headers["set-cookie"].partition(";")[0] for reply in opened]
    for path in ("/scope", "/test_auth_compute_data", "/test_auth_full", "/logout"):
        for i, port in enumerate((pair.real.port, pair.ours.port)):
            reply = fetch(port, path, headers={"Cookie": cookies[i]})
            replies[i].append((reply.status, reply.content_type, reply.text))

    assert [name.partition("=")[0] for name in cookies] == ["session", "session"]
    assert replies[0] == replies[1]
    assert pair.ours.tokens["compute_data"] not in cookies[1]


def test_a_stored_answer_is_found_by_its_id(pair: Pair) -> None:
    for path in (
        "/v1/cpu/status/load",
        "/v1/main_memory/status/used",
        "/v1/network/status/Bytes?interface=total",
    ):
        kept = pair.ask(path, "full", prefer_id="True")
        shapes = [
            shape_of(fetch(port, "/v1/cache/id", token=tokens["full"], id=reply.body["cache_id"]))
            for port, tokens, reply in (
                (pair.real.port, pair.real.tokens, kept[0]),
                (pair.ours.port, pair.ours.tokens, kept[1]),
            )
        ]
        assert shapes[0] == shapes[1]


def results_behind(server: RealJumonc | OurJob, link: str) -> Reply:
    """Wait until an answer that takes its time is there."""

    def complete() -> bool:
        return bool(fetch(server.port, link, token=server.tokens["full"]).body["results"])

    eventually(complete, within=10)
    return fetch(server.port, link, token=server.tokens["full"])


def result_of(server: RealJumonc | OurJob, task_id: str) -> Reply:
    """Wait until a task has run."""

    def ask() -> Reply:
        found = fetch(server.port, "/v1/scheduled/result", token=server.tokens["full"], id=task_id)
        assert found.status in {200, 425}
        return found

    eventually(lambda: ask().status == 200, within=10)
    return ask()


def test_a_long_answer_is_found_behind_its_link(pair: Pair) -> None:
    promised = pair.ask("/v1/network/status/Packets?duration=0.3&interface=total", "full")
    shapes = []
    for server, reply in zip(pair.both, promised, strict=True):
        shapes.append(shape_of(results_behind(server, reply.body["link"])))

    assert shapes[0] == shapes[1]


def test_a_task_is_scheduled_listed_run_and_cancelled(pair: Pair) -> None:
    steps: list[list[Any]] = [[], []]
    for i, server in enumerate(pair.both):
        port, token = server.port, server.tokens["full"]
        assert fetch(port, "/v1/scheduled/list", token=token).body == "no tasks scheduled right now"
        task = f"/v1/cpu/status/load?token={token}"
        done = fetch(port, "/v1/scheduled/schedule", token=token, interval=300, task=task)
        task_id = done.body.rpartition(" ")[2]

        steps[i] += [shape_of(done), shape_of(result_of(server, task_id))]
        listed = fetch(port, "/v1/scheduled/list", token=server.tokens["see_links"])
        assert listed.body[0]["http_status"] == 200
        steps[i].append(shape_of(listed))
        for path in ("cancel", "result", "list"):
            after = fetch(port, f"/v1/scheduled/{path}", token=token, id=task_id)
            steps[i].append((path, after.status, shape_of(after)))
        if server is pair.ours:
            assert token not in listed.text

    assert steps[0] == steps[1]


def test_a_polling_client_in_shell_runs_against_both(pair: Pair) -> None:
    page = (ROOT / "docs" / "jumonc.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    answers = []
    for server in pair.both:
        base = f"http://127.0.0.1:{server.port}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env={"PATH": os.environ["PATH"], "BASE": base, "TOKEN": server.tokens["full"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        answers.append([shape(json.loads(line)) for line in done.stdout.splitlines()])

    assert answers[0] == answers[1]
    assert len(answers[0]) == 2


def test_stop_ends_ours_after_its_answer(pair: Pair) -> None:
    """The last one: the real one answers nothing, and its rank 0 stays."""
    for level in NAMES[:-1]:
        real, ours = pair.ask("/stop", level)
        assert (real.status, real.text) == (ours.status, ours.text) == (401, real.text)

    done = fetch(pair.ours.port, "/stop", token=pair.ours.tokens["full"])

    assert (done.status, done.body) == (200, "Stopping server and shutting down JuMonC\n")
    assert pair.ours.program.wait(within=30) == 0
