"""A plan is the product of what varies; what cannot be carried out is refused beforehand."""

import pytest

from adfast.config import read_toml
from adfast.errors import InvalidArgument, UnknownName
from adfast.runs.recipe.recipe_changes import RECIPES, find_recipe, load_recipe
from adfast.runs.sweep.plan import load_sweep

WINDOWS = {"model.attention_window": [5, "none"]}
LENGTHS = {"training.context_length": [10, 20], "training.batch_size": [8, 4]}


TABLES = """
[sweep]
seeds = 2
[[sweep.vary]]
model.attention_window = [5, "none"]
"""


def test_points_are_the_product_of_the_axes(recipe):
    plan = load_sweep(recipe, ["training.updates=4"], [WINDOWS, LENGTHS], None)
    assert [run.name for run in plan.runs] == [
        "attention_window=5,context_length=10,batch_size=8",
        "attention_window=5,context_length=20,batch_size=4",
        "attention_window=none,context_length=10,batch_size=8",
        "attention_window=none,context_length=20,batch_size=4",
    ]
    assert [point.levels for point in plan.points] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    last = plan.runs[-1].recipe
    assert last.model.attention_window is None
    assert (last.training.context_length, last.training.batch_size) == (20, 4)
    assert (last.training.updates, last.seed) == (4, 3)


def test_seeds_are_runs_of_one_point(recipe):
    plan = load_sweep(recipe, [], [WINDOWS], 2)
    assert len(plan.points) == 2
    assert [run.name for run in plan.points[0].runs] == [
        "attention_window=5,seed=3",
        "attention_window=5,seed=4",
    ]
    assert [run.recipe.seed for run in plan.runs] == [3, 4, 3, 4]


def test_options_of_the_family_vary_beside_its_others(recipe):
    plan = load_sweep(recipe, [], [{"family.options.reward": ["every-step", "once"]}], None)
    assert [run.recipe.family.options["reward"] for run in plan.runs] == ["every-step", "once"]
    assert all(run.recipe.family.options["size"] == 5 for run in plan.runs)


def test_method_varies_with_its_settings(recipe):
    plan = load_sweep(recipe, ["collection.episodes=20"], [{"method": ["ad", "ed"]}], None)
    plain, expert = (run.recipe for run in plan.runs)
    assert [run.name for run in plan.runs] == ["method=ad", "method=ed"]
    assert (plain.method, plain.collection.algorithm) == ("ad", "q-learning")
    assert (expert.method, expert.collection.algorithm) == ("ed", "optimal")
    assert expert.collection.episodes == 20
    plan = load_sweep(recipe, ["method=ed"], [{"method": ["ad", "ed"]}], None)
    with pytest.raises(InvalidArgument, match='method is "ed" already'):
        plan.check()


def test_plan_is_a_recipe_that_reads_back(recipe, tmp_path):
    plan = load_sweep(recipe, ["training.updates=4"], [WINDOWS, LENGTHS], 3)
    path = tmp_path / "sweep.toml"
    path.write_text(plan.to_toml())
    assert load_sweep(path, [], [], None) == plan
    assert load_recipe(path) == plan.base  # `run` passes over the table


def test_command_line_replaces_what_the_recipe_varies(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.read_text() + TABLES)
    assert len(load_sweep(path, [], [], None).runs) == 4
    assert len(load_sweep(path, [], [{"model.width": [16, 32, 48]}], 1).runs) == 3


def test_texts_of_earlier_versions_are_answered_with_what_to_write(recipe, tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(f'{recipe.read_text()}\n[sweep]\nvary = ["model.width=16,32"]\n')
    with pytest.raises(
        InvalidArgument,
        match=r'before axes were tables, got "model.width=16,32"; write \[\[sweep.vary\]\] in its',
    ):
        load_sweep(path, [], [], None)


def test_points_that_are_only_evaluated_otherwise_share_a_run(recipe):
    vary = [{"evaluation.temperature": [0.5, 1]}, {"model.width": [16, 32]}]
    plan = load_sweep(recipe, [], vary, None)
    plan.check()
    assert [(run.name, run.evaluation) for run in plan.runs] == [
        ("width=16", "temperature=0.5"),
        ("width=32", "temperature=0.5"),
        ("width=16", "temperature=1"),
        ("width=32", "temperature=1"),
    ]
    assert plan.runs[0].recipe == plan.runs[2].recipe
    assert plan.runs[2].resolved.evaluation.temperature == 1
    alone = load_sweep(recipe, [], vary[:1], 2)
    assert [run.name for run in alone.runs] == ["seed=3", "seed=4", "seed=3", "seed=4"]
    assert [run.name for run in load_sweep(recipe, [], vary[:1], None).runs] == ["run", "run"]


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_sweeps_can_be_carried_out(recipe):
    if "sweep" in read_toml(recipe):
        load_sweep(recipe, [], [], None).check()


def test_shipped_recipe_without_a_table_names_the_way_out():
    with pytest.raises(InvalidArgument, match=r"does not say what to vary; add --vary, for exam"):
        load_sweep(find_recipe("dark-room"), [], [], None)


def test_combination_that_no_run_could_carry_out_is_named(recipe):
    plan = load_sweep(recipe, [], [{"training.context_length": [20, 500]}], None)
    with pytest.raises(
        InvalidArgument, match=r"^context_length=500: training.context_length must be at most 100"
    ):
        plan.check()


def test_unknown_setting_is_refused_with_the_nearest(recipe):
    plan = load_sweep(recipe, [], [{"model.atention_window": [5]}], None)
    with pytest.raises(UnknownName, match=r'did you mean "model\.attention_window"'):
        plan.check()


def test_table_with_an_unknown_key_is_refused(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(f"{recipe.read_text()}\n[sweep]\nvari = []\n")
    with pytest.raises(UnknownName, match='did you mean "vary"'):
        load_sweep(path, [], [], None)


def test_algorithms_that_vary_begin_with_their_own_options():
    vary = [{"collection.algorithm": ["q-learning", "optimal"]}]
    plan = load_sweep(find_recipe("dark-room"), [], vary, None)
    plan.check()
    assert [bool(run.recipe.collection.options) for run in plan.runs] == [True, False]
