"""`adfast scale`: how parts stand, and what is refused in words."""

import json

import pytest

from cli.command_line import adfast
from runs.scaling.tiny_scale import write_recipe


@pytest.fixture
def places(tmp_path):
    return ["--results", tmp_path / "results", "--runs", tmp_path / "runs"]


def test_parts_are_listed_and_nothing_is_made(places, tmp_path):
    recipe = write_recipe(tmp_path)
    ended = adfast("scale", recipe, "--list", *places)
    assert ended.status == 0, ended.stderr
    assert "0 of 12 parts done" in ended.stdout
    told = json.loads(adfast("scale", recipe, "--list", "--json", *places).stdout)
    assert told["scale-tiny-house-tasks-18-seed-2"]["state"] == "not run yet"
    assert list(tmp_path.iterdir()) == [recipe]


def test_a_part_alone_is_made_and_then_drawn_with_what_is_missing(places, tmp_path):
    recipe = write_recipe(tmp_path)
    name = "scale-tiny-house-window-5-seed-1"
    ended = adfast("scale", recipe, "--part", name, "--threads", 1, *places)
    assert ended.status == 0, ended.stderr
    assert f"scale     [1/1] {name}" in ended.stderr
    assert "1 of 12 parts done" in adfast("scale", recipe, "--draw", *places).stdout
    assert (tmp_path / "results" / "scale-tiny-house.md").exists()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["dark-room"], "dark_room.toml does not say what is to grow; add tables [[scale.axis]]"),
        (["no-such"], 'unknown recipe "no-such"'),
        (["long-context-small", "--part", "window"], 'unknown part "window"'),
    ],
)
def test_what_cannot_be_is_refused_in_words(places, arguments, problem):
    ended = adfast("scale", *arguments, *places)
    assert ended.status in (1, 2)
    assert problem in ended.stderr
