"""Line protocol and OpenMetrics, as programs of sites print them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_agent.site.problem import SiteProblem
from pilothouse_agent.site.rates import SiteRates
from pilothouse_agent.site.text import MAX_VALUES, parse
from pilothouse_agent.site.value import Value

NODE = ("node", "", "", "", "")


def part(stype: str, stype_id: str) -> tuple[str, ...]:
    return ("node", "", stype, stype_id, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("temp value=31.5", [Value("temp", NODE, 31.5)]),
        ("temp value=31i 1700000000", [Value("temp", NODE, 31)]),
        (
            "temp,cluster=x,hostname=y,type=socket,type-id=1 value=4 1700000000000000000",
            [Value("temp", ("socket", "1", "", "", ""), 4)],
        ),
        ("temp,type=node,jobid=77 value=-4e-3", [Value("temp", ("node", "", "", "", "77"), -0.004)]),
        (
            r"disk,host=n1,dev=sda\ 1 used=3u,ok=t,name=\"a b,c\",free=2".replace(r"\"", '"'),
            [
                Value("disk_used", part("dev", "sda 1"), 3),
                Value("disk_ok", part("dev", "sda 1"), 1),
                Value("disk_free", part("dev", "sda 1"), 2),
            ],
        ),
        ("temp,bus=sat,stype=device,stype-id=sda value=1", [Value("temp", part("device,bus", "sda,sat"), 1)]),
    ],
)  # fmt: skip
def test_line_protocol_is_read(line, expected):
    assert parse(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("temp 31.5", [Value("temp", NODE, 31.5)]),
        ("temp 1.5e+03 1700000000000", [Value("temp", NODE, 1500)]),
        ('temp{disk="sd a",} 31', [Value("temp", part("disk", "sd a"), 31)]),
        ('t{b="1",a="2"} 3', [Value("t", part("a,b", "2,1"), 3)]),
        (r't{a="x\"},{y\\\n"} 3', [Value("t", part("a", 'x"},{y\\\n'), 3)]),
        ('t{type="hwthread",type_id="3"} 1', [Value("t", ("hwthread", "3", "", "", ""), 1)]),
        ('t{type="sat"} 1', [Value("t", part("type", "sat"), 1)]),
        ("t_total 7 # {trace=\"x\"} 0.5", [Value("t", NODE, 7, counts=True)]),
        ("t NaN", []),
        ('t_bucket{le="+Inf"} 4', []),
        ("t_created 1700000000", []),
        ("t 0x10", None),
        ("t 1_000", None),
    ],
)  # fmt: skip
def test_openmetrics_is_read(line, expected):
    if expected is None:
        with pytest.raises(SiteProblem, match="line 1: neither"):
            parse(line)
    else:
        assert parse(line) == expected


def test_a_type_line_says_what_counts():
    text = """# HELP jobs_seen Jobs.
# TYPE jobs_seen counter
jobs_seen 5
# TYPE wait summary
wait{quantile="0.5"} 2
wait_sum 10
wait_count 4
# EOF
"""

    counting = {value.name: value.counts for value in parse(text)}

    assert counting == {"jobs_seen": True, "wait": False, "wait_sum": True, "wait_count": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("good 1\nsomething went wrong", "line 2: neither line protocol nor OpenMetrics: 'some"),
        ("temp value=warm", "line 1: 'warm' is not a number"),
        ('temp{disk="a" 1', "line 1: neither"),
        ("temp{disk=a} 1", "line 1: labels are not"),
        (f"{'t' * 300} 1", "line 1: a name or label of more than 255"),
        ("t 1\n" * (MAX_VALUES + 1), f"line {MAX_VALUES + 1}: more than {MAX_VALUES} values"),
    ],
)
def test_what_is_neither_is_refused_with_its_line(text, said):
    with pytest.raises(SiteProblem, match=said):
        parse(text)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except SiteProblem as exc:
        assert str(exc).startswith("line ")


def test_counters_become_rates_and_a_fall_has_no_value():
    rates = SiteRates()
    tags = part("port", "1")

    def told(count: float, at: float) -> dict[str, float]:
        values = [Value("errors", tags, count, counts=True), Value("temp", NODE, count)]
        return {sample.name: sample.value for sample in rates.samples(values, at)}

    assert told(100, 0) == {"temp": 100}
    assert told(150, 10) == {"temp": 150, "errors_rate": 5}
    assert told(0, 20) == {"temp": 0}
    assert told(30, 30) == {"temp": 30, "errors_rate": 3}
