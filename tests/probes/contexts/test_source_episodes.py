"""Episodes of each stage are whole episodes of a learner's training that entered the goal."""

from __future__ import annotations

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.probes.contexts.source_episodes import learned, source_episodes, stages_of
from adfast.probes.edited_contexts.rooms import replayed

FAMILY = tasks.make("dark-room", size=5, episode_length=10)
TASKS = np.array([3, 17, 20])
LEARNER = source_algorithms.make("q-learning")


def made(seeds=2, learner=LEARNER, episodes=120, family=FAMILY):
    return source_episodes(family, learner, TASKS, np.arange(seeds), episodes, 0)


def test_they_are_what_the_simulator_pays_on_the_task():
    found = made()
    again = replayed(FAMILY, np.repeat(TASKS, 2), found["action"])
    for name, values in again.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    returns = found["reward"].sum(axis=2)
    assert (returns > 0).all()
    assert returns[:, :2].mean() < 0.6 * returns[:, -2:].mean()


def test_they_depend_on_their_seed_alone():
    few, many = made(2)["action"], made(4)["action"]
    np.testing.assert_array_equal(few, many.reshape(3, 4, *few.shape[1:])[:, :2].reshape(few.shape))


def test_first_and_last_rewarded_episodes_and_between_them_those_near_half_of_the_optimum():
    returns = np.array([[0.0, 2, 0, 3, 9, 4, 6, 0, 5, 10, 9, 0]])
    assert stages_of(returns, np.array([10.0])).tolist() == [[1, 3, 5, 8, 9, 10]]


def test_stages_of_a_whole_training_are_in_order():
    history = learned(FAMILY, LEARNER, TASKS, np.arange(6), 120, 0)
    returns = history["reward"].sum(axis=2, dtype=np.float64)
    chosen = stages_of(returns, FAMILY.optimal_return(TASKS[np.arange(6) % 3]))
    assert (np.diff(chosen[:, [0, 1]]) > 0).all()
    assert (np.diff(chosen[:, [1, 2, 3, 4, 5]]) > 0).all()


def test_learner_that_is_hardly_rewarded_or_never_bad_is_refused():
    with pytest.raises(InvalidArgument, match="8 learners of 3 episodes had fewer on row"):
        made(episodes=3)
    with pytest.raises(InvalidArgument, match="needs a learner whose first rewarded episodes are"):
        made(learner=source_algorithms.make("optimal"))
