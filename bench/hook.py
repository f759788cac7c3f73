"""The Slurm hook beside a shell script that does the same with scontrol and curl.

Both are called as slurmctld calls a PrologSlurmctld, one after the other in every round, for a job that
runs in a real private Slurm. The script is ours, with the steps that such scripts have: job details and
host names from scontrol, one PUT to a local server that answers 200 at once.
"""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from socket import create_server, socket

from pilothouse_agent.hook.__main__ import main as hook_command

from bench.report import Figure, show
from tests.support.process import find_program, free_port
from tests.support.rabbitmq import rabbit_server
from tests.support.slurm import Slurm, directory_for_all_users, private_slurm

ROUNDS = 40
DEAD_ROUNDS = 10
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SCRIPT = r"""#!/bin/bash
export PATH=/usr/bin:/bin
details=$(scontrol --details --oneliner show job="$SLURM_JOB_ID")
[[ $details =~ NumNodes=([0-9]+) ]] && num_nodes=${BASH_REMATCH[1]}
[[ $details =~ NumTasks=([0-9]+) ]] && num_tasks=${BASH_REMATCH[1]}
[[ $details =~ NtasksPerN:B:S:C=([0-9]+) ]] && tasks_per_node=${BASH_REMATCH[1]}
[[ $details =~ GRES=gpu:([0-9]+) ]] && gpus=${BASH_REMATCH[1]}
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | tr '\n' '|')
body=$(printf '{"Id":%d,"userName":"%s","userId":%d,"groupName":"%s","groupId":%d,"account":"%s",'\
'"jobName":"%s","clusterId":"%s","partition":"%s","numNodes":%d,"numTasks":%d,"tasksPerNode":%d,'\
'"GPUsPerNode":%d,"startTime":%d,"nodeList":"%s"}' "$SLURM_JOB_ID" "$SLURM_JOB_USER" \
  "$SLURM_JOB_UID" "$SLURM_JOB_GROUP" "$SLURM_JOB_GID" "$SLURM_JOB_ACCOUNT" "$SLURM_JOB_NAME" \
  "$SLURM_CLUSTER_NAME" "$SLURM_JOB_PARTITION" "${num_nodes:-0}" "${num_tasks:-0}" \
  "${tasks_per_node:-0}" "${gpus:-0}" "$(date +%s)" "${nodes%|}")
status=$(curl --silent --max-time 10 --request PUT --header 'Content-Type: application/json' \
  --data "$body" --output /dev/null --write-out '%{http_code}' "$TARGET_URL/api/job_start")
[ "$status" = 200 ] || echo "answered $status" >&2
exit 0
"""


def main() -> int:
    if find_program("curl") is None:
        print("bench hook: curl is missing (Debian: apt install curl)", file=sys.stderr)
        return 1
    with directory_for_all_users() as directory, private_slurm() as slurm:
        job_id = slurm.submit("sleep 600", nodes=2, ntasks_per_node=2)
        slurm.wait(job_id, "RUNNING")
        environ = _environment(slurm, job_id)
        script = directory / "script"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        figures = [*_alive(directory, script, environ), *_dead(directory, script, environ)]
    show("Slurm hook, wall time of one call", figures)
    return 0


def _alive(directory: Path, script: Path, environ: dict[str, str]) -> list[Figure]:
    with rabbit_server() as rabbit, _server(ANSWER) as port:
        spool = _install(directory / "spool:", f"spool:{directory}/spooled")
        amqp = _install(directory / "amqp:", rabbit.url)
        target = {"TARGET_URL": f"http://127.0.0.1:{port}"}
        times = _interleaved(ROUNDS, [spool, amqp, script], {**environ, **target})
    ours, direct, peer = (1000 * statistics.median(each) for each in times)
    name = "curl-and-scontrol script, median"
    return [
        Figure("hook, spool: (recommended), median ms", ours, peer, name, 0.5),
        Figure("hook, amqp: straight to RabbitMQ, median ms", direct, peer, name),
    ]


def _dead(directory: Path, script: Path, environ: dict[str, str]) -> list[Figure]:
    with _server(b"") as silent:
        dead = free_port()
        spool = _install(directory / "dead-spool", f"spool:{directory}/spooled")
        refused = _install(directory / "dead-amqp", f"amqp://guest:guest@127.0.0.1:{dead}/")
        hanging = _install(directory / "silent-amqp", f"amqp://guest:guest@127.0.0.1:{silent}/")
        times = _interleaved(DEAD_ROUNDS, [spool, refused, hanging], environ)
        [[slow]] = _interleaved(
            1, [script], {**environ, "TARGET_URL": f"http://127.0.0.1:{silent}"}
        )
    worst = [max(each) for each in times]
    name = "the script, whose server hangs"
    return [
        Figure("broker dead, hook with spool:, worst s", worst[0], aim=1.0),
        Figure("broker dead, hook with amqp: (refused), worst s", worst[1], aim=1.0),
        Figure("broker silent, hook with amqp:, worst s (aim ≤ 1 s)", worst[2], slow, name),
    ]


def _interleaved(
    rounds: int, programs: Sequence[Path], environ: dict[str, str]
) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in programs]
    for program in programs:  # once before, so that the page cache has everything
        subprocess.run([program], env=environ, capture_output=True, check=True)
    for _ in range(rounds):
        for program, seconds in zip(programs, times, strict=True):
            begin = time.perf_counter()
            subprocess.run([program], env=environ, capture_output=True, check=True)
            seconds.append(time.perf_counter() - begin)
    return times


def _install(directory: Path, broker_url: str) -> Path:
    spool = directory.parent / "spooled"
    arguments = ["--dir", str(directory), "--broker-url", broker_url, "--spool-dir", str(spool)]
    arguments += ["--state-dir", str(directory.parent / "state")]
    with redirect_stdout(StringIO()):
        assert hook_command(["install", *arguments]) == 0
    return directory / "pilothouse-hook"


def _environment(slurm: Slurm, job_id: int) -> dict[str, str]:
    """What a PrologSlurmctld of this job sees, and where the script's scontrol finds this Slurm."""
    job = slurm.job(job_id)
    return {
        "SLURM_CLUSTER_NAME": slurm.cluster,
        "SLURM_CONF": str(slurm.conf),
        "SLURM_JOB_ACCOUNT": "(null)",
        "SLURM_JOB_CPUS_PER_NODE": "2(x2)",
        "SLURM_JOB_GID": "1001",
        "SLURM_JOB_GROUP": "pilot1",
        "SLURM_JOB_ID": str(job_id),
        "SLURM_JOB_NAME": job["JobName"],
        "SLURM_JOB_NODELIST": job["NodeList"],
        "SLURM_JOB_NUM_NODES": job["NumNodes"],
        "SLURM_JOB_PARTITION": job["Partition"],
        "SLURM_JOB_RESTART_COUNT": "0",
        "SLURM_JOB_UID": "1001",
        "SLURM_JOB_USER": "pilot1",
        "SLURM_JOB_WORK_DIR": job["WorkDir"],
        "SLURM_SCRIPT_CONTEXT": "prolog_slurmctld",
    }


@contextmanager
def _server(answer: bytes) -> Iterator[int]:
    """Answer every request with these bytes at once; without bytes, accept and say nothing."""
    listener = create_server(("127.0.0.1", 0), backlog=128)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

    if answer:
        threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        _close(listener)


def _close(listener: socket) -> None:
    try:
        listener.shutdown(2)  # wakes the thread in accept()
    finally:
        listener.close()


if __name__ == "__main__":
    sys.exit(main())
