"""`adfast histories`: look at histories, pick from them, exchange them with other tools."""

import json

import pytest

from adfast import histories
from cli.command_line import adfast
from histories.interchange.exchanged import assert_same_histories, make_store


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


def test_store_goes_out_and_comes_back(tmp_path):
    store = make_store(tmp_path / "store")
    ended = adfast(
        "histories", "convert", tmp_path / "store", tmp_path / "out", "--format", "ad-eps"
    )
    assert (ended.status, ended.stdout.strip()) == (0, str(tmp_path / "out"))
    described = json.loads(adfast("histories", "info", tmp_path / "out", "--json").stdout)
    assert (described["histories"], described["transitions"]) == (4, 81)
    assert "all can be imported" in adfast("histories", "verify", tmp_path / "out").stdout
    assert adfast("histories", "convert", tmp_path / "out", tmp_path / "back").status == 0
    assert_same_histories(histories.open(tmp_path / "back"), store)


def test_convert_says_what_it_cannot_do(tmp_path):
    make_store(tmp_path / "store")
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        (("store", "out"), "the format of"),
        (("store", "out", "--format", "hdf6"), 'unknown format "hdf6"'),
        (("store", "out", "--format", "ad-eps", "--ends", "limit"), "ends is for the import"),
        (("store", "store"), "another place"),
        (("missing", "out"), "is not there"),
        (("empty", "out"), "no known tool"),
        (("store", "out", "--observation-sizes", "9;9"), "must be numbers"),
    ):
        source, target, *options = arguments
        ended = adfast("histories", "convert", tmp_path / source, tmp_path / target, *options)
        assert ended.status in (1, 2)
        assert message in ended.stderr
    assert not (tmp_path / "out").exists()


def test_head_prints_transitions(tmp_path):
    store = make_store(tmp_path / "store")
    arguments = ("histories", "head", tmp_path / "store", "--history", 2, "--rows", 3)
    rows = json.loads(adfast(*arguments, "--begin", 5, "--json").stdout)
    assert [row["row"] for row in rows] == [5, 6, 7]
    assert rows[0]["observation"] == store.history(2)["observation"][5].tolist()
    printed = adfast(*arguments).stdout
    assert "next_observation" in printed
    assert adfast("histories", "head", tmp_path / "store", "--history", 4).status == 2


def test_filter_keeps_what_meets_all_conditions(tmp_path):
    make_store(tmp_path / "store")
    conditions = ("--where", "length > 1", "--where", "algorithm == q-learning")
    ended = adfast("histories", "filter", tmp_path / "store", tmp_path / "kept", *conditions)
    assert ended.status == 0
    assert "2 of 4" in ended.stdout
    assert histories.open(tmp_path / "kept").metadata["task_id"].tolist() == [0, 2]
    ended = adfast("histories", "filter", tmp_path / "store", tmp_path / "n", "--where", "seed>3")
    assert ended.status == 2
    assert not (tmp_path / "n").exists()
