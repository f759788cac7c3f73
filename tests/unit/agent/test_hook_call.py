"""The installed program as Slurm calls it: one spool file, exit code 0, no stdout, within a second."""

import marshal
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pilothouse_agent.hook.__main__ import main
from pilothouse_common.broker.spool_format import decode_file, encode_file, is_file_name
from pilothouse_common.contract.events import decode_event, event_message

from tests.unit.agent.hook_captures import VERSIONS, captured

STARTED = {b"SLURM_SCRIPT_CONTEXT": b"prolog_slurmctld", b"SLURM_JOB_ID": b"7"}


class Hook:
    """An installation in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.spool = directory / "spool"
        self.program = directory / "pilothouse-hook"
        broker_url = f"spool:{self.spool}"
        self.notes = directory / "state" / "jobs"
        assert main(["install", "--dir", str(directory), "--broker-url", broker_url,
                     "--state-dir", str(directory / "state")]) == 0  # fmt: skip

    def call(self, environ: dict[bytes, bytes]) -> tuple[float, str]:
        """Run it; return the seconds it took and what it said to stderr."""
        begin = time.monotonic()
        done = subprocess.run(
            [self.program], env=environ, capture_output=True, timeout=20, check=False
        )
        seconds = time.monotonic() - begin
        assert done.returncode == 0
        assert done.stdout == b""
        return seconds, done.stderr.decode()

    def files(self) -> list[Path]:
        return sorted((self.spool / "events").glob("[!.]*"))


@pytest.fixture(name="hook", scope="module")
def an_installed_hook(tmp_path_factory):
    return Hook(tmp_path_factory.mktemp("hook"))


@pytest.fixture(autouse=True)
def an_empty_spool(hook):
    for file in hook.files():
        file.unlink()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_call_of_a_job_becomes_a_spool_file_of_the_contract(hook, version):
    calls = captured(version, "single")

    for call in calls:
        assert hook.call(call.environ)[1] == ""

    files = hook.files()
    messages = [decode_file(file.read_bytes()) for file in files]
    assert all(is_file_name(file.name) for file in files)
    assert [message.routing_key for message in messages] == [
        {"PrologSlurmctld": "job.started", "EpilogSlurmctld": "job.finished"}.get(
            call.hook, "job.node_started" if "Prolog" in call.hook else "job.node_finished"
        )
        for call in calls
    ]
    for message, file in zip(messages, files, strict=True):
        assert message == event_message(decode_event(message.body))
        assert encode_file(message) == file.read_bytes()


def test_a_file_can_be_read_by_the_group_and_by_nobody_else(hook):
    hook.call(STARTED)

    [file] = hook.files()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_reader_waiting_on_the_fifo_is_woken(hook):
    wake = hook.spool / "wake"
    os.mkfifo(wake)
    reader = os.open(wake, os.O_RDONLY | os.O_NONBLOCK)
    try:
        hook.call(STARTED)

        assert len(os.read(reader, 10)) == 1
    finally:
        os.close(reader)
        wake.unlink()


@pytest.mark.parametrize("name", ["PrologSlurmctld", "Prolog", "TaskProlog"])
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(garbage=st.dictionaries(
    st.sampled_from([b"SLURM_JOB_ID", b"SLURM_JOB_NAME", b"SLURM_JOB_NODELIST", b"SLURM_JOB_UID",
                     b"SLURM_SCRIPT_CONTEXT", b"PATH", b"PYTHONPATH", b"PYTHONSTARTUP", b"LANG"]),
    st.binary(max_size=200).map(lambda value: value.replace(b"\0", b"")),
))  # fmt: skip
def test_no_environment_makes_it_fail_or_print(hook, name, garbage):
    [call, *_] = [call for call in captured("22.05", "single") if call.hook == name]

    hook.call(call.environ | garbage)


def test_huge_values_are_taken_in_time(hook):
    huge = {b"SLURM_JOB_NODELIST": b"n[1-65536]", b"SLURM_JOB_COMMENT": b"\xff" * 100_000}

    seconds, said = hook.call(STARTED | huge)

    assert said == ""
    assert seconds < 1
    [file] = hook.files()
    data: Any = decode_event(decode_file(file.read_bytes()).body).data
    assert len(data.nodes) == 65_536
    assert len(data.comment) == 4096


def test_without_a_job_it_says_why_and_writes_nothing(hook):
    _, said = hook.call({b"SLURM_SCRIPT_CONTEXT": b"epilog_slurmd"})

    assert "SLURM_JOB_ID is missing" in said
    assert "\n" not in said.strip()
    assert hook.files() == []


def test_a_spool_that_cannot_be_written_is_one_line_and_no_delay(hook, tmp_path):
    (tmp_path / "file").write_text("")

    seconds, said = hook.call(
        STARTED | {b"PILOTHOUSE_BROKER_URL": f"spool:{tmp_path}/file/spool".encode()}
    )

    assert "is lost" in said
    assert "Traceback" not in said
    assert seconds < 1


def test_a_call_that_hangs_is_ended_within_a_second(hook, tmp_path):
    """Its configuration is a FIFO that nobody writes: opening it blocks for ever."""
    hanging = tmp_path / "hanging"
    hanging.mkdir()
    other = Hook(hanging)
    (hanging / "pilothouse-hook.conf").unlink()
    os.mkfifo(hanging / "pilothouse-hook.conf")

    seconds, said = other.call(STARTED)

    assert 0.5 < seconds < 1
    assert "no event" in said


def test_a_lost_interpreter_does_not_fail_the_job(hook, tmp_path):
    main(["install", "--dir", str(tmp_path / "h"), "--python", str(tmp_path / "gone"),
          "--broker-url", f"spool:{tmp_path}/spool"])  # fmt: skip

    done = subprocess.run(
        [tmp_path / "h" / "pilothouse-hook"], env=STARTED, capture_output=True, check=False
    )

    assert done.returncode == 0
    assert b"no event" in done.stderr


def test_a_broken_configuration_is_told_and_the_rest_of_it_counts(hook, tmp_path):
    broken = Hook(tmp_path / "broken")
    config = broken.directory / "pilothouse-hook.conf"
    config.write_bytes(b"\xff\xfe nonsense\ncolour = blue\n" + config.read_bytes())

    _, said = broken.call(STARTED)

    assert "configuration line 2" in said
    assert len(broken.files()) == 1


def test_the_call_loads_nothing_but_itself_and_builtins(hook):
    start = hook.directory / "pilothouse-hook.py"
    done = subprocess.run(
        [sys.executable, "-IS", "-X", "importtime", start],
        env=STARTED,
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"os", "re", "json", "typing", "enum", "datetime", "pathlib", "signal"}
    assert not {name for name in loaded if name.startswith(("pilothouse_", "msgspec", "zlib"))}


@pytest.mark.parametrize("damage", [None, b"", b"\xe3nonsense", b"N"])
def test_without_its_bundle_it_is_slower_but_works(tmp_path, damage):
    hook = Hook(tmp_path / "h")
    [bundle] = hook.directory.glob("*.code")
    if damage is None:
        bundle.unlink()
    else:
        bundle.write_bytes(damage)

    _, said = hook.call(STARTED)

    assert said == ""
    assert len(hook.files()) == 1


def test_an_installation_of_another_version_is_found(tmp_path, capsys):
    hook = Hook(tmp_path / "h")
    [bundle] = hook.directory.glob("*.code")
    bundle.write_bytes(marshal.dumps(("digest of older sources", [])))

    code = main(["check", "--dir", str(hook.directory)])

    assert code == 1
    assert "run install again" in capsys.readouterr().err


def test_check_finds_a_working_installation(hook, capsys):
    for path in (hook.directory, *hook.directory.parents):
        if path.owner() == "root" and path.name.startswith(("hook", "pytest-")):
            path.chmod(0o755)

    code = main(["check", "--dir", str(hook.directory)])

    assert (code, capsys.readouterr().err) == (0, "")


def test_check_names_what_is_wrong(tmp_path, capsys):
    hook = Hook(tmp_path / "h")
    (hook.spool / "events").chmod(0o777)
    hook.notes.mkdir(parents=True)
    hook.notes.chmod(0o777)
    (hook.directory / "pilothouse-hook.py").write_text("import nonsense\n")

    code = main(["check", "--dir", str(hook.directory)])

    said = capsys.readouterr().err
    assert code == 1
    assert "anybody may forge events there" in said
    assert f"{hook.notes}: anybody may forge notes" in said
    assert "wrote no event" in said
    assert "Traceback" in said or "ModuleNotFoundError" in said


@pytest.mark.parametrize(
    "arguments",
    [["check", "--dir", "/nonexistent"], ["install", "--dir", "/proc/nowhere"],
     ["install", "--dir", "/tmp", "--cluster", "a\nb"],
     ["install", "--dir", "/tmp", "--broker-url", "ftp://x"],
     ["install", "--dir", "/tmp", "--broker-url", "spool:here"],
     ["install", "--dir", "/tmp", "--state-dir", "here"]],
)  # fmt: skip
def test_a_wrong_command_line_is_one_line_and_exit_code_2(arguments, capsys):
    assert main(arguments) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
