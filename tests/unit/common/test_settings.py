"""Settings: precedence, secrets in files, and one clear line for whatever is wrong."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, field
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.settings import ProcessSettings, load


class ExampleSettings(ProcessSettings, frozen=True, kw_only=True):
    interval_seconds: Annotated[float, Meta(gt=0, description="seconds between two samples")] = 10.0
    levels: Annotated[tuple[str, ...], Meta(description="levels")] = ()
    intervals: Annotated[dict[str, float], Meta(description="NAME=SECONDS")] = field(
        default_factory=dict
    )
    token: Annotated[str, Meta(min_length=8, description="token", extra={"secret": True})] = (
        "unset-token"
    )


BASE = {"PILOTHOUSE_BROKER_URL": "memory:"}


def load_example(**variables: str) -> ExampleSettings:
    return load(ExampleSettings, service="agent", environ={**BASE, **variables})


def test_defaults_hold_where_nothing_is_set():
    settings = load_example()

    assert (settings.cluster, settings.interval_seconds, settings.levels) == ("cluster", 10.0, ())


def test_the_environment_is_read_with_types_and_lists():
    settings = load_example(PILOTHOUSE_INTERVAL_SECONDS="2.5", PILOTHOUSE_LEVELS="node, socket,")

    assert (settings.interval_seconds, settings.levels) == (2.5, ("node", "socket"))


def test_a_table_is_read_from_the_environment():
    settings = load_example(PILOTHOUSE_INTERVALS="ipmi=60, disk = 2.5")

    assert settings.intervals == {"ipmi": 60.0, "disk": 2.5}


def test_the_environment_wins_over_the_file_and_a_table_over_its_top_level(tmp_path):
    file = tmp_path / "pilothouse.toml"
    file.write_text(
        'cluster = "alpha"\nlog_level = "debug"\ninterval_seconds = 1\n'
        '[agent]\ninterval_seconds = 2\nlevels = ["node"]\n[api]\nanything = 1\n'
    )

    settings = load_example(PILOTHOUSE_CONFIG=str(file), PILOTHOUSE_CLUSTER="beta")

    assert (settings.cluster, settings.log_level) == ("beta", "debug")
    assert (settings.interval_seconds, settings.levels) == (2.0, ("node",))


def test_a_secret_may_come_from_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("a-long-secret\n")

    assert load_example(PILOTHOUSE_TOKEN_FILE=str(file)).token == "a-long-secret"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PILOTHOUSE_INTERVAL_SECONDS": "0"}, "PILOTHOUSE_INTERVAL_SECONDS.*> 0.*seconds between"),
        ({"PILOTHOUSE_INTERVAL_SECONDS": "soon"}, "PILOTHOUSE_INTERVAL_SECONDS.*soon"),
        ({"PILOTHOUSE_INTERVALS": "ipmi"}, "PILOTHOUSE_INTERVALS.*expected NAME=VALUE.*ipmi"),
        ({"PILOTHOUSE_INTERVALS": "ipmi=soon"}, "PILOTHOUSE_INTERVALS.*ipmi=soon"),
        ({"PILOTHOUSE_LOG_LEVEL": "loud"}, "PILOTHOUSE_LOG_LEVEL.*loud"),
        ({"PILOTHOUSE_CLUSTER": "a.b"}, "PILOTHOUSE_CLUSTER"),
        ({"PILOTHOUSE_CONFIG": "/nowhere.toml"}, "PILOTHOUSE_CONFIG=/nowhere.toml"),
        ({"PILOTHOUSE_TOKEN_FILE": "/nowhere"}, "PILOTHOUSE_TOKEN_FILE=/nowhere"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_should_be(variables, says):
    with pytest.raises(ConfigError, match=says):
        load_example(**variables)


def test_a_missing_setting_is_named():
    with pytest.raises(ConfigError, match="set PILOTHOUSE_BROKER_URL"):
        load(ExampleSettings, service="agent", environ={})


def test_a_wrong_secret_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        load_example(PILOTHOUSE_TOKEN="hunter2")

    assert "hunter2" not in str(caught.value)
    assert "PILOTHOUSE_TOKEN" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[agent]\nintervall_seconds = 1\n",
        "agent = 1\n",
        "= nothing\n",
        "[agent]\ninterval_seconds = []\n",
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path, text):
    file = tmp_path / "pilothouse.toml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=r"pilothouse\.toml|PILOTHOUSE_"):
        load_example(PILOTHOUSE_CONFIG=str(file))


@given(st.binary(max_size=80), st.text(max_size=30))
def test_any_garbage_is_a_config_error(tmp_path_factory, content, value):
    file = tmp_path_factory.mktemp("garbage") / "pilothouse.toml"
    file.write_bytes(content)

    for variables in ({"PILOTHOUSE_CONFIG": str(file)}, {"PILOTHOUSE_INTERVAL_SECONDS": value}):
        try:
            load_example(**variables)
        except ConfigError as exc:
            assert "PILOTHOUSE" in str(exc) or "pilothouse.toml" in str(exc)
