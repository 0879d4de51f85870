"""A run that trains on what the source held right, from recipe to page."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import adfast
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.trained_model import TrainedModel
from adfast.probes.losses.history_loss import history_loss
from adfast.probes.losses.position_losses import see_all, summed_losses
from adfast.runs.probing.subjects import subject_of
from adfast.runs.run import Run

LABELLED = {
    "collection.algorithm": "annealed-expert",
    "collection.options.noise_end": 1.0,
    "collection.labels": True,
    "training.objective": "optimal-action",
}


@pytest.fixture(scope="module")
def finished(recipe, tmp_path_factory):
    run = Run.create(recipe, tmp_path_factory.mktemp("labelled") / "run", LABELLED, progress=False)
    run.carry_out()
    return run


def test_model_acts_on_the_schema_of_its_family(finished):
    assert finished.histories.schema.labelled
    assert finished.model.schema == finished.family.transition_schema
    assert adfast.write_report(finished).is_file()


def test_live_run_ends_in_the_same_weights(recipe, finished, tmp_path):
    live = Run.create(
        recipe,
        tmp_path / "live",
        LABELLED | {"collection.live": True, "collection.block_histories": 80},
        progress=False,
    )
    live.train()
    for name, tensor in finished.model.state_dict().items():
        assert torch.equal(live.model.state_dict()[name], tensor), name


def test_training_follows_the_objective(recipe, finished, tmp_path):
    changes = LABELLED | {"training.objective": "next-action"}
    other = Run.create(recipe, tmp_path / "next", changes, progress=False)
    other.collect()
    other.train()
    assert not torch.equal(other.model.head, finished.model.head)


def test_loss_by_position_is_that_of_the_labels(finished):
    subject = subject_of(finished)
    measured = history_loss(subject, 2)
    family, source, collection = subject.collected
    ids = subject.split.held_out
    schema = finished.plan.schema
    out = schema.allocate(2 * len(ids), collection.episodes * family.episode_length)
    tasks, streams = np.tile(ids, 2), np.concatenate([ids, ids + family.num_tasks])
    source.learn(family, tasks, streams, collection.episodes, subject.seed, out)
    with torch.no_grad():
        logits = finished.model({name: torch.from_numpy(rows) for name, rows in out.items()})
    likelihood = logits.log_softmax(-1).numpy()
    losses = -np.take_along_axis(likelihood, out["label"][..., None].astype(int), -1)[..., 0]
    expected = [
        losses[:, a:b].mean() for a, b in zip(measured.edges, measured.edges[1:], strict=False)
    ]
    np.testing.assert_allclose(measured.loss, expected, rtol=1e-4)


def test_agents_that_read_labelled_histories_pass_over_the_labels(finished):
    subject = subject_of(finished)
    agent = TrainedModel(run=str(finished.path))
    by_agent = summed_losses(replace(subject, model=None, agent=agent), (see_all,), 1)
    by_model = summed_losses(subject, (see_all,), 1)
    np.testing.assert_allclose(by_agent.total, by_model.total, rtol=1e-4)


def test_recipe_without_labels_is_refused_when_it_is_composed(recipe, tmp_path):
    message = r'objective "optimal-action" needs labelled histories.*set collection\.labels=true'
    with pytest.raises(InvalidArgument, match=message):
        Run.create(recipe, tmp_path / "run", {"training.objective": "optimal-action"})
    assert not (tmp_path / "run").exists()


def test_source_without_labels_is_refused_before_anything_is_written(recipe, tmp_path):
    with pytest.raises(InvalidArgument, match="collection: q-learning says of no step"):
        Run.create(recipe, tmp_path / "run", {"collection.labels": True})
    assert not (tmp_path / "run").exists()
