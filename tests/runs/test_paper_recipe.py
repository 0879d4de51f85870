"""The paper's own model and optimiser, at the settings that it published, and cut down in a run."""

import pytest

from adfast.runs.recipe.feasible import check_feasible
from adfast.runs.recipe.recipe_changes import changed, find_recipe, load_recipe
from adfast.runs.run import Run
from adfast.training.metrics import read_metrics

PUBLISHED = {
    "num_layers": 4, "width": 64, "num_heads": 4, "feed_forward_width": 2048,
    "layout": "three-token", "norm": "post", "position_encoding": "learned",
    "dropout": 0.1, "attention_dropout": 0.5, "sequence_mask": 0.3,
}  # fmt: skip
SMALL = {
    "family.options.size": 5,
    "family.options.episode_length": 10,
    "collection.held_out": 5,
    "collection.validation": 3,
    "collection.options.actors": 10,
    "collection.histories_per_task": 4,
    "collection.streams_per_learner": 4,
    "collection.threads": 1,
    "model.num_layers": 2,
    "model.width": 16,
    "model.feed_forward_width": 64,
    "model.num_learned_positions": 60,
    "training.updates": 30,
    "training.batch_size": 4,
    "training.context_length": 60,
    "training.warmup_updates": 2,
    "training.learning_rate": 1e-2,
    "training.metrics_every": 1,
    "training.checkpoint_every": 20,
    "training.evaluate_every": "none",
    "training.threads": 1,
    "evaluation.episodes": 6,
    "evaluation.seeds": 2,
    "evaluation.train_tasks": 2,
}


@pytest.fixture(scope="module")
def recipe():
    return load_recipe(find_recipe("dark-room-paper"))


def test_settings_are_those_that_were_published(recipe):
    check_feasible(recipe)
    assert {name: getattr(recipe.model, name) for name in PUBLISHED} == PUBLISHED
    training = recipe.training
    assert (training.optimizer, training.weight_decay, training.betas) == ("adamw", 0, (0.9, 0.99))
    assert (training.batch_size, training.clip, training.decay) == (128, 1.0, "cosine")
    assert training.learning_rate / training.warmup_updates == pytest.approx(2e-6)
    assert training.label_smoothing == 0


def test_cut_down_it_trains_and_acts(recipe, tmp_path):
    small = changed(recipe, SMALL | {"training.label_smoothing": 0.1})
    run = Run.create(small, tmp_path / "run", progress=False)
    results = run.carry_out()
    losses = [row["loss"] for row in read_metrics(run.directory.metrics)]
    assert losses[-1] < losses[0]
    assert results.episodes == 6
