"""`histories` and `doctor` say what is there, to people and to machines."""

import json

import pytest

from adfast.cli import inspection
from cli.command_line import adfast


def test_histories_info_says_what_a_store_holds(collected_run):
    ended = adfast("histories", "info", collected_run / "histories")
    assert ended.status == 0
    for part in ("68", "6800", "100 to 100 transitions", "uint8[2]", "True"):
        assert part in ended.stdout
    described = json.loads(
        adfast("histories", "info", collected_run / "histories", "--json").stdout
    )
    assert described["histories"] == 68
    assert described["transitions"] == 68 * 100
    assert described["distinct task_id"] == 17
    assert described["complete"] is True
    assert described["bytes"] == described["transitions"] * described["bytes per transition"]


def test_histories_verify_reads_every_byte(collected_run):
    ended = adfast("histories", "verify", collected_run / "histories")
    assert ended.status == 0
    assert "bytes, all as written" in ended.stdout


@pytest.mark.parametrize("command", ["info", "verify"])
def test_folder_without_a_store_is_refused(tmp_path, command):
    ended = adfast("histories", command, tmp_path)
    assert ended.status == 1
    assert "no history store" in ended.stderr


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
