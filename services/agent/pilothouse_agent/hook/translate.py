"""From the environment of one hook to the event that it stands for.

Contexts and variables: Slurm's "Prolog and Epilog Guide" and what 22.05 to 26.05 were seen to set
(tests/unit/agent/fixtures). The field order is that of contract/events.py.
"""

from pilothouse_common.hostlist import MAX_HOSTS, expand_hostlist

from pilothouse_agent.hook.document import Value, cloud_event, json_object, rfc3339
from pilothouse_agent.hook.environment import MAX_NAME, Environment

UNLIMITED_SECONDS = 365 * 86_400
"""Slurm tells the end of a job without a time limit as one year after its start."""
MAX_HOSTNAME = 128
MAX_EPOCH = 253_402_300_799
SECOND = 1_000_000_000
BATCH_STEPS = (None, "4294967291", "-5", "batch")
"""How SLURM_STEP_ID names the batch script: by nothing up to 25.11, then by its reserved number."""


class NothingToSay(Exception):
    """This call stands for no event, and that is in order."""


class Unusable(Exception):
    """The environment does not tell which job or context this is."""


class Translated:
    """One event, ready for a carrier.

    Attributes:
        event_id: Deterministic where the environment names this start of the job; else unique.
        event_type: Its CloudEvents type, which is also its routing key.
        body: The JSON document.
    """

    __slots__ = ("body", "event_id", "event_type")

    def __init__(self, event_id: str, event_type: str, body: bytes) -> None:
        self.event_id = event_id
        self.event_type = event_type
        self.body = body


def translate(
    env: Environment, *, cluster: str, hostname: str, now_ns: int, unique: str
) -> Translated:
    """Return the event of one hook call.

    Args:
        env: The environment.
        cluster: Its name in our messages; empty: as Slurm says.
        hostname: This machine, where Slurm does not say the node's name.
        now_ns: Nanoseconds since the epoch.
        unique: Tells this call from every other on this host.

    Raises:
        NothingToSay: For example the second task of a step.
        Unusable: No job id, or a context that is not known.
    """
    context = env.text("SLURM_SCRIPT_CONTEXT", limit=MAX_NAME) or ""
    make = CONTEXTS.get(context)
    if make is None:
        raise Unusable(
            f"SLURM_SCRIPT_CONTEXT is {context!r}, expected one of {', '.join(CONTEXTS)}"
        )
    job_id = env.number("SLURM_JOB_ID", "SLURM_JOBID")
    if not job_id:
        raise Unusable("SLURM_JOB_ID is missing or not a job id")
    cluster = cluster or env.text("SLURM_CLUSTER_NAME", limit=63) or "cluster"
    node = env.text("SLURMD_NODENAME", limit=MAX_HOSTNAME)
    host = hostname if context.endswith("slurmctld") else node or hostname
    event_type, fields = make(env, host, now_ns)
    event_id = f"{event_type}/{job_id}/{_start_key(env, context) or unique}"
    return Translated(
        event_id,
        event_type,
        cloud_event(
            event_id=event_id,
            source=f"/clusters/{cluster}/hook/{host}",
            event_type=event_type,
            subject=f"{cluster}/jobs/{job_id}",
            time_ns=now_ns,
            data=json_object([("cluster", cluster), ("job_id", job_id), *fields]),
        ),
    )


Made = tuple[str, list[tuple[str, Value]]]


def _job_started(env: Environment, _host: str, now_ns: int) -> Made:
    start = _epoch(env, "SLURM_JOB_START_TIME", now_ns)
    end = _epoch(env, "SLURM_JOB_END_TIME", None)
    seconds = None if start is None or end is None else end - start
    limit = seconds if seconds and 0 < seconds < UNLIMITED_SECONDS else None
    return "job.started", [*_job(env, limit), ("start_time", _time(start, now_ns))]


def _job_finished(env: Environment, _host: str, now_ns: int) -> Made:
    start = _epoch(env, "SLURM_JOB_START_TIME", now_ns)
    end = _epoch(env, "SLURM_JOB_END_TIME", now_ns)
    if end is not None and start is not None and end < start:
        end = None
    exit_code, signal = wait_status(env)
    return "job.finished", [
        *_job(env, None),
        ("end_time", _time(end, now_ns)),
        ("start_time", None if start is None else _time(start, now_ns)),
        ("exit_code", exit_code),
        ("signal", signal),
        ("derived_exit_code", _derived(env)),
    ]


def _node_started(env: Environment, host: str, now_ns: int) -> Made:
    return "job.node_started", [*_node(env, host), ("start_time", rfc3339(now_ns))]


def _node_finished(env: Environment, host: str, now_ns: int) -> Made:
    return "job.node_finished", [*_node(env, host), ("end_time", rfc3339(now_ns))]


def _task_started(env: Environment, host: str, now_ns: int) -> Made:
    if env.text("SLURM_LOCALID") != "0":
        raise NothingToSay("not the first task of its step on this node")
    if _step(env) not in (*BATCH_STEPS, "0"):
        raise NothingToSay("neither the batch script nor the first step")
    return _node_started(env, host, now_ns)


def _task_finished(env: Environment, host: str, now_ns: int) -> Made:
    if env.text("SLURM_LOCALID") != "0" or _step(env) not in BATCH_STEPS:
        raise NothingToSay("the end of a step is not the end of the job on this node")
    return _node_finished(env, host, now_ns)


CONTEXTS = {
    "prolog_slurmctld": _job_started,
    "epilog_slurmctld": _job_finished,
    "prolog_slurmd": _node_started,
    "epilog_slurmd": _node_finished,
    "prolog_task": _task_started,
    "epilog_task": _task_finished,
}


def _step(env: Environment) -> str | None:
    return env.text("SLURM_STEP_ID", "SLURM_STEPID", limit=32)


def _start_key(env: Environment, context: str) -> int | None:
    """Name this start of the job, or None: job ids come again, and an epilog's restart count is off.

    None also for tasks: they come after the prolog of their node and may know other things than it, and
    one id must not stand for two different tellings, of which the first to arrive would win.
    SLURM_JOB_START_TIME (from 23.11, not in TaskEpilog) is that of the run that began or ended,
    while the restart count of the epilog of a requeued run is already that of the next one.
    """
    return None if context.endswith("_task") else env.number("SLURM_JOB_START_TIME", most=MAX_EPOCH)


def _job(env: Environment, limit_seconds: int | None) -> list[tuple[str, Value]]:
    return [
        ("restart_count", _restart_count(env)),
        ("sluid", env.text("SLURM_JOB_SLUID")),
        ("name", env.text("SLURM_JOB_NAME")),
        ("user", env.text("SLURM_JOB_USER")),
        ("uid", env.number("SLURM_JOB_UID", "SLURM_UID")),
        ("group", env.text("SLURM_JOB_GROUP")),
        ("gid", env.number("SLURM_JOB_GID")),
        ("account", env.text("SLURM_JOB_ACCOUNT")),
        ("partition", env.text("SLURM_JOB_PARTITION")),
        ("qos", env.text("SLURM_JOB_QOS")),
        ("nodes", _nodes(env)),
        ("num_nodes", env.number("SLURM_JOB_NUM_NODES", "SLURM_NNODES")),
        ("cpus", _cpus(env)),
        ("time_limit_seconds", limit_seconds),
        ("array_job_id", env.number("SLURM_ARRAY_JOB_ID")),
        ("array_task_id", env.number("SLURM_ARRAY_TASK_ID")),
        ("het_job_id", env.number("SLURM_HET_JOB_ID", "SLURM_PACK_JOB_ID")),
        ("het_job_offset", env.number("SLURM_HET_JOB_OFFSET", "SLURM_PACK_JOB_OFFSET")),
        ("comment", env.text("SLURM_JOB_COMMENT")),
        ("work_dir", env.text("SLURM_JOB_WORK_DIR")),
    ]


def _node(env: Environment, host: str) -> list[tuple[str, Value]]:
    return [
        ("hostname", host),
        ("restart_count", _restart_count(env)),
        ("user", env.text("SLURM_JOB_USER")),
        ("uid", env.number("SLURM_JOB_UID", "SLURM_UID")),
        ("gpu_ids", gpu_ids(env)),
    ]


def _restart_count(env: Environment) -> int | None:
    return env.number("SLURM_JOB_RESTART_COUNT", "SLURM_RESTART_COUNT") or None


def _nodes(env: Environment) -> list[str] | None:
    text = env.text("SLURM_JOB_NODELIST", "SLURM_NODELIST", limit=1 << 20)
    if text is None:
        return None
    try:
        return expand_hostlist(text) or None
    except ValueError as exc:
        env.problems.append(f"SLURM_JOB_NODELIST={text[:60]!a}: {exc}")
        return None


def _cpus(env: Environment) -> int | None:
    """Add up ``4(x2),2``: four on each of two nodes and two on a third."""
    text = env.text("SLURM_JOB_CPUS_PER_NODE", limit=1 << 20)
    if text is None:
        return None
    total = 0
    for part in text.split(","):
        cpus, _, times = part.partition("(x")
        count = times.removesuffix(")") if times else "1"
        if not (_is_count(cpus) and _is_count(count)):
            env.problems.append(f"SLURM_JOB_CPUS_PER_NODE={text[:60]!a} is not like 4(x2),2")
            return None
        total += int(cpus) * int(count)
    return total


def gpu_ids(env: Environment) -> list[str] | None:
    """Return the node's own device indices; CUDA's may be renumbered inside of a cgroup."""
    text = env.text("SLURM_JOB_GPUS", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    if text is None or text == "NoDevFiles":
        return None
    ids: list[str] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if dash and _is_count(low) and _is_count(high) and 0 <= int(high) - int(low) < 1024:
            ids.extend(map(str, range(int(low), int(high) + 1)))
        elif part.strip():
            ids.append(part.strip())
    return ids[:MAX_HOSTS] or None


def wait_status(env: Environment) -> tuple[int | None, int | None]:
    """Return (exit code, signal or None) of SLURM_JOB_EXIT_CODE, a wait status as of wait(2)."""
    status = env.number("SLURM_JOB_EXIT_CODE", most=0xFFFF)
    if status is not None:
        return status >> 8, status & 0x7F or None
    code, colon, signal = (env.text("SLURM_JOB_EXIT_CODE2", limit=32) or "").partition(":")
    if colon and _is_count(code) and _is_count(signal):
        return int(code), int(signal) or None
    return None, None


def _derived(env: Environment) -> int | None:
    """Return the highest exit code of the job's steps, also a wait status."""
    status = env.number("SLURM_JOB_DERIVED_EC", most=0xFFFF)
    return None if status is None else status >> 8


def _epoch(env: Environment, name: str, not_after_ns: int | None) -> int | None:
    """Return Unix seconds, if they are a time that can be true."""
    seconds = env.number(name, most=MAX_EPOCH)
    if not seconds or (not_after_ns is not None and seconds > not_after_ns // SECOND + 1):
        return None
    return seconds


def _time(seconds: int | None, now_ns: int) -> str:
    return rfc3339(now_ns if seconds is None else seconds * SECOND)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
