"""Labels go from a learner to the batch, through a store, a thinned store and a live ring."""

import numpy as np
import pytest

from adfast import histories
from adfast.collection.collect import collect
from adfast.collection.live_ring import LiveRing
from adfast.collection.live_schedule import plan_live_schedule
from adfast.errors import InvalidArgument, StoreError
from adfast.training.batches.batches import BatchSource
from adfast.training.config import TrainingConfig
from collection.small_collection import make_plan

NOISY = {"algorithm": "annealed-expert", "options": {"noise_end": 0.5}}
TRAINING = TrainingConfig(objective="optimal-action", context_length=20, batch_size=16)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled") / "histories"
    return collect(make_plan(**NOISY, labels=True), folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return collect(make_plan(**NOISY), tmp_path_factory.mktemp("plain") / "histories")


def test_labels_are_a_further_column_and_change_no_other(labelled, plain):
    assert list(labelled.schema.fields) == [*plain.schema.fields, "label"]
    assert labelled.schema.unlabelled == plain.schema
    assert labelled.num_transitions == plain.num_transitions
    for index in range(plain.num_histories):
        for name, values in plain.history(index).items():
            np.testing.assert_array_equal(labelled.history(index)[name], values)


def test_label_is_mostly_what_was_done(labelled):
    whole = labelled.sample(200, 20, seed=0, draw=0)
    share = (whole["label"] == whole["action"]).mean()
    assert 0.3 < share < 0.9


def test_plain_store_and_identity_say_nothing_of_labels(plain):
    assert "label" not in (plain.path / "manifest.json").read_text()
    assert "labels" not in make_plan(**NOISY).identity


def test_labelled_collection_does_not_go_on_in_a_plain_store(plain):
    with pytest.raises(StoreError, match="another"):
        collect(make_plan(**NOISY, labels=True), plain.path)


def test_thinned_histories_keep_their_labels(labelled, tmp_path):
    thinned = histories.thin(labelled, tmp_path / "thin", keep_every=2)
    kept = labelled.history(0)["episode_step"] == 0
    kept = (np.cumsum(kept) - 1) % 2 == 0
    np.testing.assert_array_equal(thinned.history(0)["label"], labelled.history(0)["label"][kept])


def test_batch_of_the_live_ring_is_that_of_the_store(labelled):
    plan = make_plan(**NOISY, labels=True, live=True)
    schedule = plan_live_schedule(plan, num_draws=4, sampled_transitions=10**6)
    with LiveRing(plan, schedule) as ring:
        assert ring.schema == labelled.schema
        batch = BatchSource(ring, TRAINING, 3)(2)
    expected = BatchSource(labelled, TRAINING, 3)(2)
    assert (batch["label"] != batch["action"]).any()
    for name, values in expected.items():
        assert (batch[name] == values).all(), name


def test_objective_without_labels_is_refused(plain):
    with pytest.raises(InvalidArgument, match=r"optimal-action.*collection\.labels=true"):
        BatchSource(plain, TRAINING, 3)


def test_batch_for_the_next_action_holds_no_labels(labelled):
    config = TrainingConfig(context_length=20, batch_size=16)
    assert "label" not in BatchSource(labelled, config, 3)(0)


def test_learner_without_labels_is_refused_before_anything_is_collected():
    with pytest.raises(InvalidArgument, match="q-learning says of no step"):
        make_plan(labels=True)
