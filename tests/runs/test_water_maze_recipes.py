"""The recipes of the water maze: what was published stands in the one, and the other is whole."""

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.runs.recipe.feasible import check_feasible
from adfast.runs.recipe.memory_needs import acting_needs, check_memory, learning_needs
from adfast.runs.recipe.recipe_changes import changed, find_recipe, load_recipe
from adfast.runs.run import Run
from adfast.source_algorithms import make
from adfast.tasks.task_split import TaskSplit
from runs.test_paper_recipe import PUBLISHED

# Of the source: actors, batch, rollout, overlap, replay, offline, trace, epsilon, discount, period.
PUBLISHED_SOURCE = {
    "actors": 16, "batch_size": 8, "rollout": 40, "overlap": 31, "replay": 100_000,
    "offline": 0.7, "trace": 0.75, "epsilon_start": 0.01, "epsilon_end": 0.01, "discount": 0.9,
    "target_period": 50, "network": "resnet", "clip": 10.0, "learning_rate": 1e-4,
}  # fmt: skip
SMALL = {
    "family.options.picture": [8, 12],
    "family.options.platform_spacing": 290,
    "family.options.stride": 150,
    "family.options.episode_length": 6,
    "collection.held_out": 2,
    "collection.validation": 2,
    "collection.histories_per_task": 1,
    "collection.episodes": 24,
    "collection.keep_every": 2,
    "collection.threads": 1,
    "model.num_layers": 1,
    "model.width": 16,
    "model.num_heads": 2,
    "training.updates": 6,
    "training.batch_size": 2,
    "training.context_length": 12,  # every kept episode has a step
    "training.warmup_updates": 2,
    "training.threads": 1,
    "evaluation.episodes": 3,
    "evaluation.seeds": 1,
    "evaluation.train_tasks": 0,
}


def test_full_recipe_has_what_was_published():
    recipe = load_recipe(find_recipe("water-maze-paper"))
    check_feasible(recipe)
    published = PUBLISHED | {"position_encoding": "rope"}  # evaluations go on behind the context
    assert {name: getattr(recipe.model, name) for name in published} == published
    assert (recipe.model.picture_encoder, recipe.model.picture_dropout) == ("convolutions", 0.2)
    source = make(recipe.collection.algorithm, **recipe.collection.options)
    assert {name: getattr(source, name) for name in PUBLISHED_SOURCE} == PUBLISHED_SOURCE


@pytest.mark.parametrize("method", ["ad", "ed"])
def test_cut_down_it_goes_from_histories_to_an_evaluation(method, tmp_path):
    recipe = load_recipe(find_recipe("water-maze"), {"method": method})
    check_feasible(recipe)
    results = Run.create(changed(recipe, SMALL), tmp_path / "run", progress=False).carry_out()
    assert results.episodes == 3


def test_pictures_of_all_environments_must_fit_in_memory(monkeypatch):
    recipe = changed(load_recipe(find_recipe("water-maze")), {"evaluation.train_tasks": 0})
    schema = tasks.make("water-maze", picture=(1000, 1024)).transition_schema
    split = TaskSplit(train=np.arange(9), held_out=np.arange(16), validation=np.arange(3))
    (need, *_) = [need for need in acting_needs(recipe, schema, split) if "at once" in need[0]]
    assert need[2] == 16 * recipe.evaluation.seeds * 1000 * 1024 * 3
    monkeypatch.setattr("adfast.runs.recipe.memory_needs.memory_bytes", lambda: 2**27)
    with pytest.raises(InvalidArgument, match="lower the size of pictures or eval"):
        check_memory([need])


def test_pictures_of_a_batch_must_fit_in_memory(monkeypatch):
    changes = {"training.batch_size": 8, "training.context_length": 101, "model.frame_stack": 3}
    recipe = changed(load_recipe(find_recipe("water-maze")), changes)
    schema = tasks.make("water-maze", picture=(1000, 1024)).transition_schema
    split = TaskSplit(train=np.arange(9), held_out=np.arange(16), validation=np.arange(3))
    (need,) = [need for need in learning_needs(recipe, schema, split) if "windows" in need[0]]
    assert need[2] == 8 * (101 + 2) * 3 * 1000 * 1024 * 3, "two episodes of fifty end in a window"
    monkeypatch.setattr("adfast.runs.recipe.memory_needs.memory_bytes", lambda: 2**32)
    with pytest.raises(
        InvalidArgument, match=r"a batch show takes at .* lower the size of pictures, m"
    ):
        check_memory([need])
