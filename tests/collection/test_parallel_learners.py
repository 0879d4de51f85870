"""Learners with parallel actors are collected whole, and in the same histories as ever."""

import numpy as np
import pytest

from adfast.collection.collect import collect
from adfast.collection.live_ring import LiveRing
from adfast.collection.live_schedule import plan_live_schedule
from adfast.errors import InvalidArgument
from collection.small_collection import make_plan

ACTORS = 3
PARALLEL = {"algorithm": "actor-critic", "options": {"actors": ACTORS, "n_steps": 4}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two learners on each of 20 tasks, of three actors each."""
    return collect(make_plan(**PARALLEL), tmp_path_factory.mktemp("whole") / "histories")


def assert_same_history(store, index, expected, of):
    for name, values in expected.history(of).items():
        np.testing.assert_array_equal(store.history(index)[name], values)


def test_learners_follow_each_other_task_by_task(whole):
    plan = make_plan(**PARALLEL)
    task_ids = whole.metadata["task_id"].reshape(2, 20, ACTORS)
    assert (task_ids == plan.task_ids[:, None]).all()
    repetition = np.arange(2)[:, None, None] * ACTORS + np.arange(ACTORS)
    streams = whole.metadata["random_stream"].reshape(2, 20, ACTORS)
    np.testing.assert_array_equal(streams, repetition * 25 + task_ids)


@pytest.mark.parametrize(("threads", "block_histories"), [(1, 500), (2, 1), (3, 10)])
def test_neither_threads_nor_blocks_change_a_history(tmp_path, whole, threads, block_histories):
    plan = make_plan(threads=threads, block_histories=block_histories, **PARALLEL)
    assert plan.block_histories % ACTORS == 0
    store = collect(plan, tmp_path / "histories")
    assert store.num_histories == 120
    for index in range(120):
        assert_same_history(store, index, whole, index)


@pytest.mark.parametrize("kept", [1, 2])
def test_first_streams_of_each_learner_alone(tmp_path, whole, kept):
    plan = make_plan(**PARALLEL | {"histories_per_task": 2 * kept}, streams_per_learner=kept)
    store = collect(plan, tmp_path / "histories")
    assert store.num_histories == 40 * kept
    of = np.arange(120).reshape(40, ACTORS)[:, :kept].reshape(-1)
    for name in ("task_id", "random_stream"):
        np.testing.assert_array_equal(store.metadata[name], whole.metadata[name][of])
    for index, whole_index in enumerate(of):
        assert_same_history(store, index, whole, whole_index)


def test_live_ring_gives_the_batches_of_the_store(whole):
    plan = make_plan(live=True, **PARALLEL)
    schedule = plan_live_schedule(plan, num_draws=200, sampled_transitions=75)
    with LiveRing(plan, schedule) as ring:
        batch = ring.sample(16, 20, seed=1, draw=199)
        assert schedule.committed(199) == whole.num_histories
        for name, values in whole.sample(16, 20, seed=1, draw=199).items():
            np.testing.assert_array_equal(batch[name], values)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"histories_per_task": 4},
            "histories_per_task must be a multiple of 3, the histories kept of each learner of "
            r"actor-critic, got 4; or set collection\.streams_per_learner=1",
        ),
        ({"streams_per_learner": 4}, "must be at most 3, the actors of a learner of actor-critic"),
        ({"streams_per_learner": 2, "histories_per_task": 5}, "must be a multiple of 2"),
        ({"algorithm": "q-learning", "options": {}, "streams_per_learner": 2}, "must be at most 1"),
    ],
)
def test_histories_of_no_whole_learners_are_refused(settings, message):
    with pytest.raises(InvalidArgument, match=message):
        make_plan(**PARALLEL | settings)
