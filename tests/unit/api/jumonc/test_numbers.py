"""How JuMonC writes numbers and reads parameters."""

import pytest
from pilothouse_api.compat.jumonc import numbers


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (22_108_000_256, ("20.59", "Gi")),
        (5 * 2**30, ("5120.00", "Mi")),
        (10 * 2**30, ("10.00", "Gi")),
        (10_239, ("10239", "")),
        (10_240, ("10.00", "Ki")),
        (0, ("0", "")),
        (0.0, ("0.00", "")),
        (1.005, ("1.00", "")),
        (2**60, ("1024.00", "Pi")),
        (-5, ("-5", "")),
    ],
)
def test_a_prefix_is_used_from_ten_of_it_on(value, written):
    assert numbers.with_prefix(value) == written


def test_the_prefix_moves_into_the_key():
    assert numbers.entry("used", "B", 22_108_000_256, human=True) == {"used[GiB]": "20.59"}
    assert numbers.entry("used", "B", 22_108_000_256, human=False) == {"used[B]": "22108000256"}
    assert numbers.entry("read count", "", 19_920, human=True) == {"read count[Ki]": "19.45"}


def test_values_of_several_nodes_are_a_list_inside_a_text():
    assert numbers.entry_of_many("used", "B", [1, None, 3]) == {"used[B]": "[1, None, 3]"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [("TRUE", True), (" on ", True), ("0", False), ("none", False), ("maybe", True), (None, True)],
)
def test_what_is_no_boolean_is_the_default(text, meant):
    assert numbers.parse_bool(text, default=True) is meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("5", 5),
        (" -3 ", -3),
        ("5.0", None),
        ("", None),
        (None, None),
        ("9" * 30, None),
        ("٣", None),
    ],
)
def test_what_is_no_whole_number_is_none(text, meant):
    assert numbers.parse_int(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"), [("0.5", 0.5), ("-1", 0), ("nan", 0), ("x", 0), (None, 0), ("1e3", 1000)]
)
def test_a_duration_is_positive_or_not_there(text, meant):
    assert numbers.parse_seconds(text) == meant
