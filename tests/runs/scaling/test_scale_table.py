"""A recipe's table [scale] as a study, and what of it is refused in words."""

import pytest

from adfast.config import read_toml
from adfast.errors import InvalidArgument, UnknownName
from adfast.runs.recipe.recipe_changes import RECIPES, load_recipe
from adfast.runs.scaling.table import scale_table
from adfast.runs.sweep.plan import load_sweep
from runs.scaling.tiny_scale import write_recipe


def test_each_axis_is_a_panel_with_a_row_for_each_level(tmp_path):
    study = scale_table(str(write_recipe(tmp_path)))
    window, tasks = study.panels
    assert study.name == "scale-tiny-house"
    assert [row.name for row in window.rows] == [
        f"scale-tiny-house-window-{level}" for level in (5, 10, 20)
    ]
    assert [row.label for row in tasks.rows] == ["6", "18", "10"]  # counted, not as set
    assert tasks.rows[0].parts[1].recipe.collection.histories_per_task == 6
    assert [part.seed for part in window.rows[0].parts] == [1, 2]
    assert (window.against, window.axis) == ("window", "attention window, transitions")


def test_levels_of_equal_settings_are_parts_of_one_run(tmp_path):
    study = scale_table(str(write_recipe(tmp_path)))
    base = study.parts["scale-tiny-house-window-20-seed-1"]
    same = study.parts["scale-tiny-house-tasks-18-seed-1"]
    assert base.run_name == same.run_name
    assert base.run_name.startswith("tiny_house-ad-seed-1-")


def test_settings_of_an_axis_are_those_of_all_its_parts(tmp_path):
    more = 'name = "tasks"\nsettings.training.updates = 3'
    study = scale_table(str(write_recipe(tmp_path, ('name = "tasks"', more))))
    updates = [[row.parts[0].recipe.training.updates for row in p.rows] for p in study.panels]
    assert updates == [[4, 4, 4], [3, 3, 3]]


def test_runs_and_sweeps_pass_over_the_table(tmp_path):
    recipe = write_recipe(tmp_path)
    assert load_recipe(recipe).training.updates == 4
    assert len(load_sweep(recipe, [], [{"model.width": [16, 32]}], None).points) == 2


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[5, 10, 20]", "[5, 10]", "window must have at least 3 levels for an exponent, got 2"),
        ('against = "tasks"', 'against = "weather"', "axis.. 2: against must be"),
        ('name = "tasks"', 'name = "window"', "two axes are called window; rename one"),
        ("seeds = 2\n\n[[", "seeds = 0\n\n[[", "seeds must be greater than or equal to 1, got 0"),
        ("[14, 2, 10]", "[2, 10]", "as many values each, got 2 of collection.validation, 3 of"),
        ("[14, 2, 10]", "[14, 2, 20]", "part scale-tiny-house-tasks-|collection.held_out|held"),
        ("[5, 10, 20]", "[5, 10, [20]]", "must have one attention window for all layers"),
        ('name = "tasks"', 'name = "tasks"\nsettings.collection.live = true', "collect a store"),
        ('name = "tasks"', 'name = "tasks"\nsettings.collection.episodes = 6',
         "histories of 30 transitions, and updates of the recipe itself, .* need 40"),
        ('against = "window"', 'against = "context"', "levels of different trained.* got 40 twice"),
        ('name = "tasks"', 'name = "tasks"\nsettings.collection.validation = 3', "both varies"),
        ('name = "tasks"', 'name = "tasks"\nsettings.seed = 3', "cannot set seed, which"),
        ('name = "tasks"', 'name = "tasks"\nsettings.training.context_ranks = 2', "one process"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(tmp_path, old, new, problem):
    with pytest.raises(InvalidArgument, match=problem):
        scale_table(str(write_recipe(tmp_path, (old, new))))


def test_unknown_settings_are_refused_with_the_nearest(tmp_path):
    with pytest.raises(UnknownName, match=r'did you mean "model\.attention_window"'):
        scale_table(
            str(write_recipe(tmp_path, ("vary.model.attention_w", "vary.model.atention_w")))
        )
    with pytest.raises(UnknownName, match='did you mean "seeds"'):
        scale_table(str(write_recipe(tmp_path, ("\nseeds = 2\n\n[[", "\nsedes = 2\n\n[["))))


def test_recipe_without_the_table_names_the_way_out():
    with pytest.raises(InvalidArgument, match=r"dark_room.toml does not say what is to grow; add"):
        scale_table("dark-room")


@pytest.mark.parametrize(
    "recipe",
    [path.stem for path in sorted(RECIPES.glob("*.toml")) if "scale" in read_toml(path)],
)
def test_shipped_studies_can_be_carried_out(recipe):
    assert scale_table(recipe.replace("_", "-")).parts
