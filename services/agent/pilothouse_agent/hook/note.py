"""What the prolog of a node leaves for its agent: ``<state dir>/jobs/<job id>``, until the epilog.

The reader is ``pilothouse_agent.jobs.notes``; a test holds both to the same fields.
"""

import posix as os  # the same calls; `os` itself takes a tenth of the hook's time to load

from pilothouse_agent.hook.document import json_object
from pilothouse_agent.hook.environment import Environment
from pilothouse_agent.hook.translate import gpu_ids

BEGINS = "prolog_slurmd"
ENDS = "epilog_slurmd"


def keep_note(env: Environment, state_dir: str, now_ns: int) -> None:
    """Write or remove the note that one hook call asks for; only Prolog and Epilog ask.

    A fault is remembered in ``env.problems``: the event goes its way without the note.
    """
    context = env.text("SLURM_SCRIPT_CONTEXT")
    job_id = env.number("SLURM_JOB_ID", "SLURM_JOBID") if context in (BEGINS, ENDS) else None
    if not job_id:
        return
    path = f"{state_dir}/jobs/{job_id}"
    try:
        if context == BEGINS:
            _write(state_dir, path, _content(env, job_id, now_ns))
        else:
            os.unlink(path)
    except FileNotFoundError:
        return  # the prolog of a job that began before this hook was installed
    except OSError as exc:
        env.problems.append(f"no note for the agent: {exc}")


def _content(env: Environment, job_id: int, now_ns: int) -> bytes:
    fields = [
        ("job_id", job_id),
        ("sluid", env.text("SLURM_JOB_SLUID", limit=64)),
        ("user", env.text("SLURM_JOB_USER", limit=255)),
        ("uid", env.number("SLURM_JOB_UID", "SLURM_UID")),
        ("gpu_ids", gpu_ids(env)),
        ("start_time", now_ns // 1_000_000_000),
    ]
    return json_object(fields).encode()


def _write(state_dir: str, path: str, data: bytes) -> None:
    """Put it under its name when it is whole; everybody may read it, only we may write."""
    temporary = f"{state_dir}/jobs/.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(temporary, flags, 0o644)
    except FileNotFoundError:
        for folder in (state_dir, f"{state_dir}/jobs"):  # not its parents: /run is there
            try:
                os.mkdir(folder, 0o755)
            except FileExistsError:
                continue
        file = os.open(temporary, flags, 0o644)
    try:
        os.write(file, data)
    finally:
        os.close(file)
    os.rename(temporary, path)
