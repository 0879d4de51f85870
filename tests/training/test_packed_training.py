"""Packed training: histories of any length are drawn, and learned from as if each stood alone."""

import numpy as np
import pytest
import torch

from adfast import histories
from adfast.errors import CheckpointError, InvalidArgument
from adfast.histories.returns_to_go import with_returns_to_go
from adfast.models.embedding.step_input import READ_FIELDS
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.batches.batches import BatchSource
from adfast.training.config import TrainingConfig
from adfast.training.gradients.objective import asked_action, next_action_loss
from adfast.training.gradients.sharded_gradient import ShardedGradient, gradients
from adfast.training.gradients.undivided_gradient import UndividedGradient
from adfast.training.metrics import read_metrics
from models.model_cases import random_histories, small_model, stream
from training.tiny_training import SCHEMA, TRAINING, make_trainer, random_store

PACKED = TRAINING | {"packed": True}
LENGTHS = np.array([5, 8, 11, 2, 19, 30, 1])  # a window is 20; episodes are 5, and may be cut


def ragged_store(labels=False):
    """Histories of `LENGTHS`, most of them shorter than a window."""
    whole = random_store(num_histories=len(LENGTHS))
    rows = np.concatenate([30 * i + np.arange(n) for i, n in enumerate(LENGTHS)])
    arrays = {name: array[rows] for name, array in whole.blocks[0].fields.items()}
    schema = SCHEMA
    if labels:
        schema = TransitionSchema(
            SCHEMA.observation, SCHEMA.num_actions, SCHEMA.episode_length, labelled=True
        )
        arrays["label"] = (arrays["action"] + 1) % 4
    return histories.from_arrays(schema, arrays, LENGTHS)


@pytest.fixture(scope="module")
def store():
    return ragged_store()


def source(store, seed=3, further=None, **settings):
    return BatchSource(
        store, TrainingConfig.from_mapping(PACKED | settings), seed, **(further or {})
    )


def documents_of(batch):
    """The histories of a packed batch, each as a batch of one row that holds nothing else."""
    start = batch["document_start"]
    for row in range(len(start)):
        for first in start[row].unique().tolist():
            (places,) = torch.nonzero(start[row] == first, as_tuple=True)
            assert places.tolist() == list(range(first, first + len(places)))
            yield {n: v[row, places][None] for n, v in batch.items() if n != "document_start"}


def test_batch_is_a_function_of_seed_and_update(store):
    once, again = source(store)(7), source(store)(7)
    assert once.keys() == {*READ_FIELDS, "document_start"}
    assert all(torch.equal(values, again[name]) for name, values in once.items())
    for seed, update in ((3, 8), (4, 7)):
        assert not torch.equal(once["observation"], source(store, seed)(update)["observation"])
    out = {name: np.full_like(values.numpy(), 77) for name, values in once.items()}
    source(store).fill(7, out)
    assert all((out[name] == values.numpy()).all() for name, values in once.items())


def test_every_history_is_drawn_and_every_transition_alike(store):
    """Unpacked, only the one of 30 is long enough."""
    drawn = source(store, align="step", batch_size=4000)
    assert not drawn.undrawn().histories
    assert BatchSource(store, TrainingConfig(context_length=20), 3).undrawn().histories == 6
    batch = store.sample_packed(4000, 20, seed=3, draw=0, align="step", return_positions=True)
    assert (batch["action"] == drawn(0)["action"].numpy()).all()
    place = np.r_[0, np.cumsum(LENGTHS)][batch["history_index"]] + batch["history_offset"]
    counts = np.bincount(place.ravel(), minlength=LENGTHS.sum())
    # Places of one row belong together, so the spread is that of rows and not of transitions.
    np.testing.assert_allclose(counts * LENGTHS.sum() / counts.sum(), 1, atol=0.12)


CASES = [
    {},
    {"layout": "three-token"},
    {"norm": "post", "position_encoding": "rope"},
    {"layout": "three-token", "position_encoding": "partial-rope", "qk_norm": True},
    {"position_encoding": "learned", "num_learned_positions": 30},
    {"context": "set"},
    {"reads_return": True, "attention_window": [3, None]},
    {"attention_backend": "banded"},
    {"attention_backend": "reference"},
]


@pytest.mark.parametrize("align", ["step", "episode"])
@pytest.mark.parametrize("options", CASES, ids=str)
def test_loss_and_gradient_are_those_of_the_histories_one_by_one(store, options, align):
    """Cut at the same places: bars are float32's, as a packed row sums in another order."""
    model = small_model(SCHEMA, **{"attention_window": 7, **options})
    further = {name: True for name in options if name == "reads_return"}
    read = with_returns_to_go(store) if further else store
    batch = source(read, align=align, further=further)(1)
    assert_same_as_one_by_one(model, batch)


def test_labels_are_asked_of_each_history_as_of_one_alone():
    batch = source(ragged_store(labels=True), objective="optimal-action")(0)
    assert (asked_action(batch) != batch["action"]).all()
    assert_same_as_one_by_one(small_model(SCHEMA), batch)


def test_stacks_of_pictures_begin_anew_with_each_history():
    schema = TransitionSchema(RealObservation("uint8", (16, 16, 1)), 3, 6, "float32")
    model = small_model(schema, frame_stack=3)
    batch = random_histories(2, 20, schema)
    for name in ("observation", "next_observation"):
        batch[name] = torch.randint(256, batch[name].shape).to(torch.uint8)
    batch["document_start"] = torch.tensor([[0] * 9 + [9] * 11, [0] * 20], dtype=torch.int32)
    assert_same_as_one_by_one(model, batch)


def assert_same_as_one_by_one(model, batch):
    loss = next_action_loss(model(batch), asked_action(batch))
    model.zero_grad()
    loss.backward()
    packed = [gradient.clone() for gradient in gradients(model)]
    model.zero_grad()
    total, count = 0.0, batch["action"].numel()
    documents = [*documents_of(batch)]
    assert len(documents) > len(batch["action"])
    for document in documents:
        share = document["action"].numel() / count
        part = next_action_loss(model(document), asked_action(document)) * share
        part.backward()
        total += part.item()
    assert abs(loss.item() - total) < 2e-6
    for ours, expected in zip(packed, gradients(model), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=2e-6)


def test_acting_needs_nothing(store):
    """An agent that begins each history with an empty cache says what the packed row says."""
    model = small_model(SCHEMA, attention_window=7, position_encoding="rope").eval()
    batch = source(store, batch_size=2)(0)
    with torch.no_grad():
        streamed = [stream(model, document)[0] for document in documents_of(batch)]
        torch.testing.assert_close(
            torch.cat(streamed), model(batch).flatten(0, 1), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize(
    "noise", [{"dropout": 0.3}, {"attention_dropout": 0.3}, {"sequence_mask": 0.3}], ids=str
)
def test_under_dropout_too_a_history_sees_no_other(store, noise):
    model = small_model(SCHEMA, **noise).train()
    batch = source(store)(0)
    first = batch["document_start"] == 0
    changed = {**batch, "action": batch["action"].where(~first, (batch["action"] + 1) % 5)}
    before, after = (model(given, dropout_seed=4) for given in (batch, changed))
    torch.testing.assert_close(after[~first], before[~first], rtol=0, atol=1e-6)
    assert not after[first].isclose(before[first]).all()


def test_orders_of_sets_stay_within_histories(store):
    ordered = source(store)(2)
    unordered = source(store, further={"unordered": True})(2)
    assert torch.equal(ordered["document_start"], unordered["document_start"])
    assert not torch.equal(ordered["observation"], unordered["observation"])
    for was, now in zip(documents_of(ordered), documents_of(unordered), strict=True):
        assert sorted(rows(was)) == sorted(rows(now))


def rows(document):
    """Its transitions as tuples."""
    return [
        tuple(np.concatenate([np.ravel(values[0, t]) for values in document.values()]).tolist())
        for t in range(document["action"].shape[1])
    ]


def test_threads_compute_the_same_whatever_their_number(store, tmp_path):
    model = make_trainer(tmp_path, store=store, packed=True).model
    batch = source(store)(0)
    loss, _ = ShardedGradient(model, 1)(batch)
    expected = [gradient.clone() for gradient in gradients(model)]
    others = ShardedGradient(model, 3), UndividedGradient(model, torch.float32)
    for gradient in others:
        assert gradient(batch, 1)[0].item() == pytest.approx(loss.item(), abs=1e-6)
        for ours, theirs in zip(gradients(model), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_it_learns_from_histories_none_of_which_holds_a_window(tmp_path):
    short = random_store(num_histories=40, episodes=3)
    with pytest.raises(InvalidArgument, match=r"at most 15.* got 20; .*training\.packed draws"):
        make_trainer(tmp_path / "unpacked", store=short).run()
    settings = {"store": short, "updates": 60, "learning_rate": 0.02, "packed": True}
    make_trainer(tmp_path / "packed", **settings).run()  # warns of nothing that is never drawn
    losses = [row["loss"] for row in read_metrics(tmp_path / "packed/metrics.jsonl")]
    assert losses[-1] < 0.6 * losses[0]


def test_it_resumes_exactly_and_only_packed(tmp_path, store):
    settings = {"store": store, "packed": True, "checkpoint_every": 4}
    make_trainer(tmp_path / "whole", **settings).run()
    make_trainer(tmp_path / "parts", **settings, updates=8, decay_start=1.0)
    trainer = make_trainer(tmp_path / "parts", **settings)
    trainer.run()
    newest = max(trainer.checkpoint_directory.iterdir())
    newest.unlink()
    make_trainer(tmp_path / "parts", **settings).run(resume=True)
    files = [
        max((tmp_path / name / "checkpoints").iterdir()).read_bytes()[-4096:]
        for name in ("whole", "parts")
    ]
    assert files[0] == files[1]
    with pytest.raises(CheckpointError, match="packed"):
        make_trainer(tmp_path / "whole", store=store, align="step").run(resume=True)


def test_history_that_begins_no_episode_is_said(tmp_path):
    whole = random_store(num_histories=3)
    arrays = {name: array[np.r_[1:4, 30:90]] for name, array in whole.blocks[0].fields.items()}
    cut = histories.from_arrays(SCHEMA, arrays, np.array([3, 30, 30]))
    sentence = r"1 of 3 histories .* no transition that begins an episode; .*training\.align"
    with pytest.warns(UserWarning, match=sentence):
        make_trainer(tmp_path, store=cut, packed=True).run()
    only = histories.from_arrays(SCHEMA, {n: a[:3] for n, a in arrays.items()}, np.array([3]))
    with pytest.raises(InvalidArgument, match=r'^training\.packed: .*use align="step"'):
        source(only)(0)
