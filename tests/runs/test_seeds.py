"""Several training seeds are runs of one recipe, which differ in their seeds and are pooled."""

import json
import re

import pytest

from adfast.config import list_differences
from adfast.errors import InvalidArgument, RunError
from adfast.runs.comparison.record import read_comparison
from adfast.runs.recipe.recipe_changes import load_recipe
from adfast.runs.seeds import parse_seeds, recipes_of_seeds
from adfast.runs.study import Study
from cli.command_line import adfast

SMALL = ("--set", "training.updates=4", "--set", "training.evaluate_every=none")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("1..5", [1, 2, 3, 4, 5]), ("7", [7]), ("1,3,8", [1, 3, 8]), ("1..2, 9", [1, 2, 9])],
)
def test_seeds_are_a_range_or_a_list(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a range or a list"),
        ("5..1", "ascending order"),
        ("one", "a range or a list"),
        ("1..", "a range or a list"),
        ("-1", "a range or a list"),
        ("1..3,2", "seed 2 is given twice"),
        ("0..9999", "at most 1000 seeds"),
        ("18446744073709551616", "seeds must be"),
    ],
)
def test_what_are_no_seeds_is_refused(text, problem):
    with pytest.raises(InvalidArgument, match=re.escape(problem)):
        parse_seeds(text)


def test_each_seed_draws_its_split_unless_that_is_set(recipe):
    base = load_recipe(recipe)
    recipes = recipes_of_seeds(base, [1, 2], ["training.updates=4"])
    assert list(recipes) == ["seed-1", "seed-2"]
    assert set(list_differences(base.model_dump(), recipes["seed-2"].model_dump())) == {
        "seed: 3, asked 2",
        "collection.split_seed: None, asked 2",
    }
    same_split = recipes_of_seeds(base, [1, 2], {"collection.split_seed": 5})
    assert {of_seed.collection.split_seed for of_seed in same_split.values()} == {None}
    with pytest.raises(InvalidArgument, match="do not set it"):
        recipes_of_seeds(base, [1], ["seed=4"])


def test_seeds_are_carried_out_once_and_pooled(recipe, tmp_path):
    folder = tmp_path / "seeds"
    ended = adfast("run", recipe, "--seeds", "1..2", "--run", folder, *SMALL)
    assert ended.status == 0, ended.stderr
    assert "[2/2] seed-2" in ended.stderr
    (method,) = read_comparison(folder).methods
    assert method.seeds == (1, 2)
    assert f"{method.last5_mean:.2f}" in ended.stdout
    tasks = [
        json.loads((folder / f"seed-{seed}" / "evaluation.json").read_text())["evaluated"]
        for seed in (1, 2)
    ]
    assert tasks[0]["task_ids"] != tasks[1]["task_ids"]

    again = adfast("run", folder)
    assert again.status == 0, again.stderr
    assert again.stderr.count("finished before") == 2
    assert again.stdout == ended.stdout

    refused = adfast("run", folder, "--seeds", "1..3")
    assert refused.status != 0
    assert "has no seed-3; to add seeds, give the recipe" in refused.stderr
    refused = adfast("run", folder, *SMALL)
    assert "leave out --set and --method" in refused.stderr

    with pytest.raises(RunError, match="holds another part seed-1"):
        Study.of_seeds(recipe, [5], folder, progress=False)
    added = Study.of_seeds(recipe, [5], folder, {
        "training.updates": 4, "training.evaluate_every": None,
    }, progress=False)  # fmt: skip
    assert list(added.parts) == ["seed-1", "seed-2", "seed-5"]


def test_impossible_settings_leave_nothing_behind(recipe, tmp_path):
    with pytest.raises(InvalidArgument):
        Study.of_seeds(recipe, [1], tmp_path / "seeds", {"collection.held_out": 24}, progress=False)
    assert not (tmp_path / "seeds").exists()


def test_fresh_study_forgets_the_earlier_one(recipe, tmp_path):
    Study.of_seeds(recipe, [1, 2], tmp_path / "seeds", progress=False)
    (tmp_path / "seeds" / "seed-1").mkdir()
    changes = {"training.updates": 5}
    study = Study.of_seeds(recipe, [3], tmp_path / "seeds", changes, fresh=True, progress=False)
    assert list(study.parts) == ["seed-3"]
    assert not (tmp_path / "seeds" / "seed-1").exists()
