"""The note that a node's prolog leaves for the agent and its epilog removes."""

import os
import stat
import subprocess

import pytest
from pilothouse_agent.hook.__main__ import main
from pilothouse_agent.hook.environment import Environment
from pilothouse_agent.hook.note import keep_note
from pilothouse_agent.jobs.notes import Note, Notes

from tests.unit.agent.hook_captures import VERSIONS, captured
from tests.unit.agent.tree import Tree

NOW_NS = 1_700_000_000_000_000_000
PROLOG = {b"SLURM_SCRIPT_CONTEXT": b"prolog_slurmd", b"SLURM_JOB_ID": b"7"}
EPILOG = {b"SLURM_SCRIPT_CONTEXT": b"epilog_slurmd", b"SLURM_JOB_ID": b"7"}


def keep(directory, environ: dict[bytes, bytes]) -> list[str]:
    env = Environment(environ)
    keep_note(env, str(directory / "state"), NOW_NS)
    return env.problems


def noted(directory) -> dict[str, Note]:
    return Notes(Tree(directory).host, "state/jobs").read()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_agent_reads_what_the_prolog_of_each_slurm_wrote_until_the_epilog(tmp_path, version):
    calls = captured(version, "gres")
    [prolog] = [call.environ for call in calls if call.hook == "Prolog"]
    [epilog] = [call.environ for call in calls if call.hook == "Epilog"]

    assert keep(tmp_path, prolog) == []
    [note] = noted(tmp_path).values()
    assert keep(tmp_path, epilog) == []

    assert note.job_id == int(prolog[b"SLURM_JOB_ID"])
    assert note.user == prolog[b"SLURM_JOB_USER"].decode()
    assert note.uid == int(prolog[b"SLURM_JOB_UID"])
    assert note.gpu_ids == tuple(prolog[b"SLURM_JOB_GPUS"].decode().split(","))
    assert note.sluid == prolog.get(b"SLURM_JOB_SLUID", b"").decode()
    assert note.start_time == 1_700_000_000
    assert noted(tmp_path) == {}


def test_only_the_node_s_own_prolog_writes_one(tmp_path):
    for context in (b"prolog_slurmctld", b"prolog_task", b"epilog_task", b""):
        assert keep(tmp_path, PROLOG | {b"SLURM_SCRIPT_CONTEXT": context}) == []

    assert not (tmp_path / "state").exists()


def test_a_note_of_a_requeued_job_replaces_the_first(tmp_path):
    keep(tmp_path, PROLOG | {b"SLURM_JOB_GPUS": b"0"})
    keep(tmp_path, PROLOG | {b"SLURM_JOB_GPUS": b"1-2"})

    assert noted(tmp_path)["7"].gpu_ids == ("1", "2")
    assert os.listdir(tmp_path / "state/jobs") == ["7"]
    assert stat.S_IMODE((tmp_path / "state/jobs/7").stat().st_mode) == 0o644


def test_an_epilog_without_a_note_is_in_order(tmp_path):
    assert keep(tmp_path, EPILOG) == []


def test_a_directory_that_cannot_be_written_is_a_line_of_the_log_and_the_event_goes_out(tmp_path):
    (tmp_path / "file").write_text("")
    main(["install", "--dir", str(tmp_path / "h"), "--broker-url", f"spool:{tmp_path}/spool",
          "--state-dir", str(tmp_path / "file" / "state")])  # fmt: skip

    done = subprocess.run(
        [tmp_path / "h" / "pilothouse-hook"], env=PROLOG, capture_output=True, check=True
    )

    assert b"no note for the agent" in done.stderr
    assert len(list((tmp_path / "spool/events").iterdir())) == 1


def test_a_link_in_the_way_is_not_followed(tmp_path):
    keep(tmp_path, EPILOG)
    (tmp_path / "state/jobs").mkdir(parents=True)
    (tmp_path / "victim").write_text("precious")
    (tmp_path / f"state/jobs/.{os.getpid()}").symlink_to(tmp_path / "victim")

    [problem] = keep(tmp_path, PROLOG)

    assert "no note" in problem
    assert (tmp_path / "victim").read_text() == "precious"
