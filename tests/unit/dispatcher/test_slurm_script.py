"""``#SBATCH`` lines become fields; whatever is wrong is named with its line."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_common.errors import Malformed
from pilothouse_dispatcher.slurm.description import UNLIMITED_SECONDS
from pilothouse_dispatcher.slurm.dialect import DIALECTS
from pilothouse_dispatcher.slurm.script import lifted
from pilothouse_dispatcher.slurm.words import bytes_of, range_of, seconds_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCRIPT = """#!/bin/bash
# a comment
#SBATCH --job-name=case --partition main -A physics
#SBATCH -N 2-4 -n8 --cpus-per-task=2   # with a remark
#SBATCH --time 1-02:30:00
#SBATCH --mem=4G
#SBATCH --gres=gpu:h200:2,tmpfs:10
#SBATCH -o "out %j.txt" --comment='two words' --exclusive --hold --no-requeue --nice

export A=1
#SBATCH --qos=too-late
srun ./solver
"""


def test_every_option_of_a_script_becomes_its_field():
    job = lifted(SCRIPT, {"work_dir": "/home/a"}, now=NOW)

    assert (job.name, job.partition, job.account) == ("case", "main", "physics")
    assert (job.min_nodes, job.max_nodes, job.tasks, job.cpus_per_task) == (2, 4, 8, 2)
    assert job.time_limit_seconds == 26 * 3600 + 1800
    assert job.memory_per_node_bytes == 4 << 30
    assert job.tres_per_node == "gres/gpu:h200:2,gres/tmpfs:10"
    assert (job.standard_output, job.comment) == ("out %j.txt", "two words")
    assert (job.exclusive, job.hold, job.requeue, job.nice) == (True, True, False, 100)
    assert job.qos is None  # sbatch looks no further than the first command
    assert job.script == SCRIPT


def test_a_field_that_is_given_wins_over_the_script():
    job = lifted(SCRIPT, {"work_dir": "/x", "name": "given", "time_limit_seconds": 60}, now=NOW)

    assert (job.name, job.time_limit_seconds, job.partition) == ("given", 60, "main")


def test_a_begin_time_is_reckoned_from_now():
    job = lifted("#!/bin/sh\n#SBATCH --begin=now+2hours\n", {}, now=NOW)

    assert job.begin_time == NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo hello\n", "script: the first line must name the interpreter"),
        ("#!/bin/sh\n#SBATCH --ntask-per-core=2\n", "line 2.*not recognized"),
        ("#!/bin/sh\n\n#SBATCH --time=soon\n", "line 3.*expected minutes"),
        ("#!/bin/sh\n#SBATCH --nodes=many\n", "line 2.*expected a number of nodes"),
        ("#!/bin/sh\n#SBATCH --ntasks=two\n", "line 2.*two"),
        ("#!/bin/sh\n#SBATCH --mem=0\n", "line 2.*expected a size"),
        ("#!/bin/sh\n#SBATCH stray\n", "line 2.*'stray' is not an option"),
        ('#!/bin/sh\n#SBATCH -J "open\n', "line 2.*quotation"),
        ("#!/bin/sh\n#SBATCH --begin=teatime\n", "line 2.*expected now"),
        ("#!/bin/sh\n#SBATCH --ntasks=0\n", r"job: .*\$.tasks"),
        ("#!/bin/sh\n#SBATCH -D relative/dir\n", r"job: .*work_dir"),
        ("#!/bin/sh\n#SBATCH --mem=1G --mem-per-cpu=1G\n", "exclude each other"),
        ("#!/bin/sh\n#SBATCH -N 4-2\n", "min_nodes 4 is more than max_nodes 2"),
        ("#!/bin/sh\n\0", "no NUL"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(script, says):
    with pytest.raises(Malformed, match=says):
        lifted(script, {}, now=NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 5400), ("90:30", 5430), ("1:30:15", 5415), ("2-12", 216_000), ("2-12:30", 217_800),
     ("2-12:30:15", 217_815), ("UNLIMITED", UNLIMITED_SECONDS), ("0", UNLIMITED_SECONDS)],
)  # fmt: skip
def test_time_limits_are_read_as_sbatch_reads_them(text, seconds):
    assert seconds_of(text) == seconds


def test_amounts_and_ranges_are_read_as_sbatch_reads_them():
    assert [bytes_of(t) for t in ("512", "512K", "1g", "2T")] == [
        512 << 20,
        512 << 10,
        1 << 30,
        2 << 40,
    ]
    assert [range_of(t) for t in ("4", "2-8")] == [(4, 4), (2, 8)]


def test_an_unlimited_time_is_written_as_each_version_wants_it():
    job = lifted("#!/bin/sh\n#SBATCH -t UNLIMITED\n", {}, now=NOW)

    assert DIALECTS["v0.0.38"].submission(job)["job"]["time_limit"] == 0xFFFFFFFF
    assert DIALECTS["v0.0.45"].submission(job)["job"]["time_limit"]["infinite"] is True


@given(st.text(max_size=200))
def test_any_text_after_sbatch_is_fields_or_an_error_in_words(text):
    try:
        lifted(f"#!/bin/sh\n#SBATCH {text}\n", {}, now=NOW)
    except Malformed as exc:
        assert str(exc)
