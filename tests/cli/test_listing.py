"""`list` and `show` say what there is and how it is set, to people and to machines."""

import json
import tomllib

import pytest

from adfast.cli.completion import complete_kind, complete_listed
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import find_recipe, load_recipe
from cli.command_line import adfast


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("recipes", "dark-room"), ("families", "frozen-lake"), ("algorithms", "q-learning"),
        ("agents", "random"), ("probes", "attention"), ("methods", "ed"),
    ],
)  # fmt: skip
def test_list_says_what_there_is(kind, name):
    lines = adfast("list", kind).stdout.splitlines()
    (line,) = [line for line in lines if line.split()[0] == name]
    (found,) = [
        member for member in json.loads(adfast("list", kind, "--json").stdout)
        if member["name"] == name
    ]  # fmt: skip
    assert line.split(maxsplit=1)[1] == found["about"]
    assert found["problem"] is None


def test_shown_recipe_is_the_recipe(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(adfast("show", "dark-room", "--set", "training.updates=7").stdout)
    shipped = load_recipe(find_recipe("dark-room"), ["training.updates=7"])
    mine = load_recipe(path)
    assert mine.training == shipped.training
    assert mine.model == shipped.model
    assert mine.collection.options.items() >= shipped.collection.options.items()
    assert mine.family.options["size"] == 9
    again = adfast("show", path).stdout
    assert again == path.read_text()


def test_show_marks_what_the_recipe_changes():
    changed = {
        setting["path"]: setting
        for setting in json.loads(adfast("show", "dark-room", "--json").stdout)
        if setting["is_changed"]
    }
    default = Recipe()
    assert changed["training.updates"]["default"] == default.training.updates
    assert changed["collection.options.learning_rate"]["value"] == 0.9
    assert "collection.episodes" in changed
    assert "training.objective" not in changed
    text = adfast("show", "dark-room").stdout
    assert text.count("  # default: ") == len(changed)
    assert f"updates = 2200  # default: {default.training.updates}" in text


def test_json_has_meaning_and_range():
    shown = json.loads(adfast("show", "dark-house", "--json").stdout)
    settings = {setting["path"]: setting for setting in shown}
    assert settings["rooms"]["rule"] == {"type": "integer", "minimum": 1, "maximum": 65536}
    assert settings["rooms"]["accepts"] == "whole number 1 to 65536"
    assert settings["rooms"]["meaning"]


def test_options_alone_are_shown_and_changed():
    shown = tomllib.loads(adfast("show", "q-learning", "--set", "discount=0.5").stdout)
    assert shown["discount"] == 0.5
    assert "epsilon_start" in shown


def test_run_is_shown(finished_run):
    recipe = load_recipe(finished_run / "run.toml")
    shown = tomllib.loads(adfast("show", finished_run).stdout)
    assert shown["training"]["updates"] == recipe.training.updates


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "family"], 'did you mean "families"'),
        (["show", "dark-rom"], 'did you mean "dark-room"'),
        (["show", "absent.toml"], "no such file"),
        (["show", "."], "holds no run"),
        (["show", "nowhere:Family"], "cannot be imported"),
        (["show", "dark-room", "--set", "training.update=3"], 'did you mean "training.updates"'),
        (["show", "dark-room", "--set", "family.options.sise=3"], 'did you mean "size"'),
        (["show", "dark-room", "--set", "family.options.size=0"], "family"),
        (["show", "dark-room", "--set", "collection.algorithm=q"], "q-learning"),
        (["show", "dark-house", "--set", "rooms=many"], "rooms must be a whole number"),
    ],
)
def test_bad_names_and_settings_are_refused(arguments, message):
    ended = adfast(*arguments)
    assert ended.status == 2
    assert message in ended.stderr


def test_names_are_completed():
    assert complete_kind("a") == ["agents", "algorithms"]
    assert {"dark-room", "frozen-lake", "q-learning", "attention"} <= {*complete_listed("")}
    assert complete_listed("q-l") == ["q-lambda", "q-learning"]
