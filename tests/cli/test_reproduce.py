"""`adfast reproduce`: how parts stand, and what is refused in words."""

import json

import pytest

from adfast.cli.completion import complete_study
from adfast.runs.reproduction.studies.catalogue import STUDIES
from cli.command_line import adfast
from runs.reproduction.tiny_study import tiny


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setitem(STUDIES, "tiny", tiny)


@pytest.fixture
def places(tmp_path):
    return ["--results", tmp_path / "results", "--runs", tmp_path / "runs"]


def test_parts_are_listed_and_nothing_is_made(known, places, tmp_path):
    ended = adfast("reproduce", "tiny", "--list", *places)
    assert ended.status == 0, ended.stderr
    assert "0 of 7 parts done" in ended.stdout
    assert "no such method yet" in ended.stdout
    told = json.loads(adfast("reproduce", "tiny", "--list", "--json", *places).stdout)
    assert told["tiny-ad-seed-2"]["state"] == "not run yet"
    assert not any(tmp_path.iterdir())


def test_a_part_alone_is_made_and_then_drawn_with_what_is_missing(known, places, tmp_path):
    ended = adfast("reproduce", "tiny", "--part", "tiny-chance-seed-1", "--threads", 1, *places)
    assert ended.status == 0, ended.stderr
    assert "[1/1] tiny-chance-seed-1" in ended.stderr
    assert not (tmp_path / "results" / "tiny.md").exists()
    assert "1 of 7 parts done" in adfast("reproduce", "tiny", "--draw", *places).stdout
    assert "not run yet" in (tmp_path / "results" / "tiny.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nonsense"], 'unknown study "nonsense"; '),
        (["tiny", "--part", "tiny-ad"], 'the study tiny: unknown part "tiny-ad"; did you mean'),
        (["tiny", "--part", "tiny-never-seed-1"], "tiny-never-seed-1: no such method yet"),
        (["tiny", "--device", "abacus"], "training.device"),
    ],
)
def test_what_cannot_be_is_refused_in_words(known, places, arguments, problem):
    ended = adfast("reproduce", *arguments, *places)
    assert ended.status in (1, 2)
    assert problem in ended.stderr


def test_help_names_every_study():
    told = " ".join(adfast("reproduce", "--help").stdout.split())
    told = told.replace("- ", "-")  # a name may be broken at its hyphen
    *names, last = STUDIES
    assert f"Its name: {', '.join(names)} or {last}." in told


def test_names_of_studies_are_completed():
    assert complete_study("base") == ["baselines"]
