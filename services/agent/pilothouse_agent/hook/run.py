"""One call of the hook: environment in, one event out, exit code 0, within a second, whatever happens.

Three rings keep a fault here away from the job: every exception ends in one log line; after
``HARD_SECONDS`` the kernel ends the process (no Python code has to run for that); and the shell
script that `pilothouse-hook install` writes around it exits 0 even when Python is gone.
"""

import posix as os  # the same calls; `os` itself takes a tenth of the hook's time to load
import time
from _signal import ITIMER_REAL, SIG_DFL, SIG_UNBLOCK, SIGALRM, pthread_sigmask, setitimer
from _signal import signal as set_handler

from pilothouse_agent.hook.config import HookConfig, parse_config
from pilothouse_agent.hook.environment import Environment, shown
from pilothouse_agent.hook.note import keep_note
from pilothouse_agent.hook.spoolfile import encode_spool_file, spool_name, write_spool_file
from pilothouse_agent.hook.translate import NothingToSay, Translated, Unusable, translate

HARD_SECONDS = 0.8
"""The whole call is killed after this."""
NETWORK_SECONDS = 0.5
"""When this much is over without the broker's answer, the event is spooled."""


def main(config_path: str) -> None:
    """Do the work of one call and end the process with exit code 0."""
    try:
        set_handler(SIGALRM, SIG_DFL)
        pthread_sigmask(SIG_UNBLOCK, [SIGALRM])
        setitimer(ITIMER_REAL, HARD_SECONDS)
        report(call(config_path, dict(os.environ)), dict(os.environ))
    except BaseException as exc:  # noqa: BLE001 nothing may reach Slurm: a failing prolog drains its node
        report([f"{type(exc).__name__}: {exc}"], {})
    finally:
        os._exit(0)  # noqa: SLF001 nothing after this may turn it into a failure, and it saves 1 ms


def call(config_path: str, environ: dict[bytes, bytes]) -> list[str]:
    """Publish the event of one environment; return what was wrong on the way."""
    env = Environment(environ)
    config = read_config(config_path, environ, env.problems)
    now_ns = time.time_ns()
    hostname = os.uname().nodename.partition(".")[0] or "localhost"
    pid = os.getpid()
    keep_note(env, config.state_dir, now_ns)
    try:
        event = translate(
            env,
            cluster=config.cluster,
            hostname=hostname,
            now_ns=now_ns,
            unique=f"{now_ns}-{pid}",
        )
    except NothingToSay:
        return env.problems
    except Unusable as exc:
        return [*env.problems, f"no event: {exc}"]
    if not config.spools:
        problem = _publish(config, event, NETWORK_SECONDS - _age(now_ns))
        if problem is None:
            return env.problems
        env.problems.append(f"{problem}; it is spooled")
    data = encode_spool_file(event.event_type, event.event_id, event.body)
    try:
        write_spool_file(config.spool_dir, spool_name(now_ns, hostname, pid), data)
    except PermissionError as exc:
        if not _is_users(env):  # a job's own user must not write there: docs/slurm-hooks.md
            env.problems.append(f"event {event.event_id} is lost: {exc}")
    except OSError as exc:
        env.problems.append(f"event {event.event_id} is lost: {exc}")
    return env.problems


def read_config(path: str, environ: dict[bytes, bytes], problems: list[str]) -> HookConfig:
    """Read the configuration file; without one the defaults count."""
    text = b""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        problems.append(f"configuration: {exc}")
    else:
        text = os.read(file, 65_536)
        os.close(file)
    return parse_config(text.decode("utf-8", "replace"), environ, problems)


def _publish(config: HookConfig, event: Translated, seconds: float) -> str | None:
    """Hand the event to a network carrier; return what went wrong."""
    try:
        from pilothouse_agent.hook.network import publish_within
    except ImportError as exc:
        return f"broker: {exc}"
    return publish_within(config.broker_url, event, seconds=seconds)


def _age(now_ns: int) -> float:
    return (time.time_ns() - now_ns) / 1e9


def _is_users(env: Environment) -> bool:
    return (env.text("SLURM_SCRIPT_CONTEXT") or "").endswith("_task")


def report(problems: list[str], environ: dict[bytes, bytes]) -> None:
    """Write one line to syslog, and to stderr, which Slurm keeps. Never to stdout: it is read by Slurm."""
    if not problems:
        return
    context = shown(environ.get(b"SLURM_SCRIPT_CONTEXT", b""))
    job = shown(environ.get(b"SLURM_JOB_ID", b""))
    text = "; ".join(problems).replace("\n", " ")[:2000]
    line = f"pilothouse-hook[{os.getpid()}]: context={context} job={job}: {text}"
    data = line.encode("utf-8", "backslashreplace")
    for send in (_to_syslog, _to_stderr):
        try:
            send(data)
        except OSError:
            continue  # the other one has it, or there is nobody to tell


def _to_stderr(line: bytes) -> None:
    os.write(2, line + b"\n")


def _to_syslog(line: bytes) -> None:
    import _socket

    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    try:
        channel.setblocking(False)
        channel.sendto(b"<28>" + line, "/dev/log")  # daemon.warning
    finally:
        channel.close()
