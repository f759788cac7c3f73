"""Collectors of other distributions: a real one is installed, and loaded only when a setting names it."""

import os
import subprocess
import sys

import pytest

from tests.support.distribution import install_distribution

SOURCE = """
from pilothouse_agent.host import CollectorUnavailable
from pilothouse_common.contract.samples import Sample

class Fans:
    name = "fans"

    def __init__(self, host, options):
        self.host = host

    def collect(self):
        return [Sample("fan_speed", 1200.0, stype="fan", stype_id="rear")]

    def close(self):
        pass

class Absent:
    name = "absent"

    def __init__(self, host, options):
        raise CollectorUnavailable("no such card")

def broken(host, options):
    raise SystemExit("good bye")
"""
ENTRIES = {
    "fans": "site_fans:Fans",
    "absent": "site_fans:Absent",
    "broken": "site_fans:broken",
    "misnamed": "site_fans:Fans",
    "unloadable": "site_nothing:X",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("plugin") / "installed"
    return install_distribution(directory, "site-fans", "pilothouse.collectors", ENTRIES, SOURCE)


HOOKED = """
from pilothouse_common.runtime.plugins import hookimpl
from site_fans import Absent, Fans

class Good:
    @hookimpl
    def pilothouse_collectors(self):
        return [Fans, Absent, 7]

class Bad:
    @hookimpl
    def pilothouse_check(self):
        raise OSError("not here")

good, bad = Good(), Bad()
"""


def agent(installed, question: str, **settings: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(installed), "PILOTHOUSE_COLLECTORS": "load", **settings}
    argv = [sys.executable, "-m", "pilothouse_agent", question]
    return subprocess.run(
        argv, env=env, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_a_named_entry_point_is_a_collector(installed):
    text = agent(installed, "--once", PILOTHOUSE_COLLECTOR_PLUGINS="fans")

    assert "fan_speed,cluster=cluster" in text
    assert "stype=fan,stype-id=rear,type=node value=1200.0" in text
    assert "agent_collector_up" in text


def test_whatever_is_wrong_with_one_is_one_line_and_stops_nothing(installed):
    names = "fans,absent,broken,misnamed,unloadable,nowhere"

    text = agent(installed, "--list", PILOTHOUSE_COLLECTOR_PLUGINS=names)

    lines = dict(line.split(None, 1) for line in text.splitlines())
    assert lines["fans"] == "available"
    assert lines["absent"] == "no such card"
    assert lines["broken"] == "entry point broken of pilothouse.collectors: SystemExit: good bye"
    assert "must be 'misnamed'" in lines["misnamed"]
    assert "ModuleNotFoundError" in lines["unloadable"]
    assert "no installed distribution" in lines["nowhere"]


def test_nothing_is_loaded_that_no_setting_names(installed):
    text = agent(installed, "--list")

    assert "fans" not in text


def test_a_plugin_s_hook_brings_collectors(installed):
    entries = {"good": "site_hooked:good", "bad": "site_hooked:bad"}
    install_distribution(installed, "site-hooked", "pilothouse.plugins", entries, HOOKED)

    text = agent(installed, "--list", PILOTHOUSE_PLUGINS="good,bad,nowhere")

    lines = dict(line.split(None, 1) for line in text.splitlines())
    assert (lines["fans"], lines["absent"]) == ("available", "no such card")
    assert "plugin good: TypeError" in lines["good:7"]
    assert lines["cpu"] == "available"
