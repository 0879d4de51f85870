"""`doctor` says what is there, to people and to machines; `bench` needs a checkout."""

import json

from adfast.cli import inspection
from cli.command_line import adfast


def test_doctor_says_what_will_be_used():
    facts = json.loads(adfast("doctor", "--json").stdout)
    assert facts["extension adfast._native"].startswith("loads")
    assert facts["attention backend"].startswith(("cpu", "triton"))
    assert facts["cores"] >= 1
    assert facts["torch"]
    ended = adfast("doctor")
    assert ended.status == 0
    assert "attention backend" in ended.stdout


def test_bench_outside_a_checkout_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "CHECKOUT", tmp_path)
    ended = adfast("bench")
    assert ended.status == 1
    assert "clone the repository" in ended.stderr


def test_doctor_checks_a_family():
    checked = json.loads(adfast("doctor", "--family", "dark-room", "--json").stdout)
    assert checked["family"] == "dark-room"
    assert checked["steps"] == checked["tasks"] * 80
