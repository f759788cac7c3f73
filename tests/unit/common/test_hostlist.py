"""Slurm host list expressions, as `scontrol show hostnames` expands them, and bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_common.hostlist import MAX_HOSTS, expand_hostlist


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ["n1"]),
        ("n[1-3]", ["n1", "n2", "n3"]),
        ("n[1-3,7]", ["n1", "n2", "n3", "n7"]),
        ("n[008-011]", ["n008", "n009", "n010", "n011"]),
        ("n[8-11]", ["n8", "n9", "n10", "n11"]),
        ("a[1-2,5],b07", ["a1", "a2", "a5", "b07"]),
        ("r[1-2]c[1-2]", ["r1c1", "r1c2", "r2c1", "r2c2"]),
        ("n[1-2]-ib", ["n1-ib", "n2-ib"]),
        (
            "n[01,10-11]x[0-1],login",
            ["n01x0", "n01x1", "n10x0", "n10x1", "n11x0", "n11x1", "login"],
        ),
        ("", []),
    ],
)
def test_expressions_expand_in_the_order_written(text, names):
    assert expand_hostlist(text) == names


@pytest.mark.parametrize(
    "text",
    ["n[1-3", "n1-3]", "n[[1]]", "n[3-1]", "n[a-b]", "n[]", "n[1-]", "n[-1]", "n[1,,2]", "n[²]", "a b",
     "n\n1", "x" * 300, "n" + "[1-2]" * 9],
)  # fmt: skip
def test_what_is_not_a_host_list_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        expand_hostlist(text)


@pytest.mark.parametrize(
    "text",
    ["n[1-999999999]", "n[1-999999999999999999]", "n[1-65536],m", "n[1-256][1-257]", "n[1-9]" * 6,
     ",".join(["n[1-60000]"] * 5)],
)  # fmt: skip
def test_a_hostile_list_is_refused_before_it_takes_memory(text):
    with pytest.raises(ValueError, match=str(MAX_HOSTS)):
        expand_hostlist(text)


def test_the_largest_allowed_list_is_expanded():
    names = expand_hostlist(f"n[1-{MAX_HOSTS}]")

    assert len(names) == MAX_HOSTS
    assert names[-1] == "n65536"


@given(st.text(alphabet="n0123456789[],- é\x00", max_size=40))
def test_any_text_gives_names_or_an_error(text):
    try:
        names = expand_hostlist(text)
    except ValueError:
        return
    assert all(name and "[" not in name and "," not in name for name in names)
