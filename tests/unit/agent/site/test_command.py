"""Commands of a site run for real: whatever they do, they end in time and leave nothing behind."""

import os
import time
from pathlib import Path

import pytest
from pilothouse_agent.site.command import LIMIT_BYTES, Command
from pilothouse_agent.site.problem import SiteProblem
from pilothouse_agent.site.trust import check_entry

from tests.support.process import eventually
from tests.unit.agent.site.scripts import script

LONG = 30.0


def processes_of(mark: str) -> list[int]:
    """Return the processes whose command line has the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and entry.name != str(os.getpid()):
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in line:
                found.append(int(entry.name))
    return found


def run(path: Path, *arguments: str, deadline_seconds: float = LONG) -> bytes:
    return Command([str(path), *arguments], deadline_seconds=deadline_seconds).output()


def test_its_output_is_returned_and_arguments_meet_no_shell(tmp_path):
    path = script(tmp_path, "say", 'printf "%s\\n" "$@"')

    assert run(path, "$(id)", "a  b;c") == b"$(id)\na  b;c\n"


def test_it_sees_no_secret_of_the_agent(tmp_path, monkeypatch):
    monkeypatch.setenv("PILOTHOUSE_BROKER_URL", "amqp://user:secret@broker/")
    path = script(tmp_path, "env", "exec /usr/bin/env")

    names = {line.partition("=")[0] for line in run(path).decode().splitlines()}

    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "LC_ALL"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "exit status 3"),
        ("echo 'no such disk' >&2; echo more >&2; exit 1", "exit status 1: no such disk"),
        ("kill -SEGV $$", "ended by SIGSEGV"),
    ],
)
def test_a_failure_is_told_in_its_own_words(tmp_path, text, said):
    with pytest.raises(SiteProblem, match=f"^{said}$"):
        run(script(tmp_path, "fails", text))


def test_a_hanging_one_is_killed_with_its_children(tmp_path):
    mark = f"{tmp_path.name}-hanging"
    path = script(tmp_path, mark, f"sh -c 'sleep 600; : {mark}' & trap '' TERM; wait; sleep 600")
    start = time.monotonic()

    with pytest.raises(SiteProblem, match=r"did not end within 0\.3 s"):
        run(path, deadline_seconds=0.3)

    assert time.monotonic() - start < 20
    assert eventually(lambda: not processes_of(mark), within=10)


def test_one_that_multiplies_is_killed_as_a_whole(tmp_path):
    mark = f"{tmp_path.name}-many"
    path = script(
        tmp_path,
        mark,
        'test "$1" = 6 || { "$0" $((${1:-0}+1)) & "$0" $((${1:-0}+1)) & }; sleep 600',
    )

    with pytest.raises(SiteProblem, match="did not end"):
        run(path, deadline_seconds=0.5)

    assert eventually(lambda: not processes_of(mark), within=20)


def test_one_that_closes_its_output_and_hangs_is_killed(tmp_path):
    with pytest.raises(SiteProblem, match="did not end"):
        run(script(tmp_path, "silent", "exec >&- 2>&-; sleep 600"), deadline_seconds=0.3)


def test_what_it_leaves_behind_is_not_waited_for(tmp_path):
    mark = f"{tmp_path.name}-left"
    path = script(tmp_path, "leaves", f"echo done; sh -c 'sleep 600; : {mark}' & exit 0")

    assert run(path) == b"done\n"
    assert eventually(lambda: not processes_of(mark), within=10)


@pytest.mark.parametrize("where", ["1", "2"])
def test_endless_output_is_cut_off(tmp_path, where):
    start = time.monotonic()

    with pytest.raises(SiteProblem, match=f"printed more than {LIMIT_BYTES} bytes"):
        run(script(tmp_path, "yes", f"exec yes >&{where}"))

    assert time.monotonic() - start < 20


def test_a_file_that_is_no_program_says_so(tmp_path):
    path = tmp_path / "noise"
    path.write_bytes(b"\x7fELF\x00\x01")
    path.chmod(0o755)

    with pytest.raises(SiteProblem, match="Exec format error"):
        run(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.chmod(0o757), "everybody may write to it"),
        (lambda path: path.parent.chmod(0o777), "everybody may write to it"),
        (lambda path: path.chmod(0o644), "not an executable file"),
        (lambda path: path.unlink(), "No such file"),
    ],
)
def test_a_program_that_others_could_have_put_there_is_refused(tmp_path, change, said):
    directory = tmp_path / "programs"
    directory.mkdir()
    path = script(directory, "say", "echo 1")
    change(path)

    with pytest.raises(SiteProblem, match=said):
        run(path)


def test_a_program_of_another_user_is_refused():
    status = os.stat_result((0o100755, 1, 1, 1, 12345, 0, 10, 0, 0, 0))

    with pytest.raises(
        SiteProblem, match="belongs to user 12345; it must belong to root or to user 7"
    ):
        check_entry("/opt/say", status, user=7)
