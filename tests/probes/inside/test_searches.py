"""Searches are those of who is told of no reward, and say what was seen before each moment."""

from dataclasses import replace

import numpy as np
import pytest

from adfast import tasks
from adfast.baselines.agents.heuristic import Heuristic
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.random_agent import RandomActions
from adfast.probes.inside.searches import is_new, known_room, preference, searched, searches
from probes.subjects import subject

WALK = [(1, 1), (1, 0), (0, 0), (0, 0), (0, 1)]  # in a room of 2 x 2; the goal is (0, 0)


def walked():
    cells = np.array([WALK])
    histories = {
        "observation": cells[:, :-1],
        "next_observation": cells[:, 1:],
        "reward": np.array([[0, 1, 1, 0]]),
    }
    return searched(histories, np.array([0]), np.array([0]), 2)


def test_what_was_seen_before_each_moment():
    found = walked()
    np.testing.assert_array_equal(found.cell, [[3, 2, 0, 0]])
    np.testing.assert_array_equal(found.entered, [[2, 0, 0, 1]])
    expected = [[1, 1, 1, 1], [1, 1, 0, 1], [0, 1, 0, 1], [0, 1, 0, 1]]
    np.testing.assert_array_equal(found.is_open[0], np.array(expected, bool))
    np.testing.assert_array_equal(found.is_known, [[False, False, True, True]])
    np.testing.assert_array_equal(is_new(found), [[True, True, False, True]])


def test_means_are_over_tasks_that_have_a_moment():
    found = replace(walked(), task=np.array([1]))
    assert found.by_task(found.cell, found.is_known) == [0.0]
    assert found.by_task(found.cell, ~found.is_known) == [2.5]
    np.testing.assert_array_equal(found.by_task(found.cell, found.cell > 9), [0.0])


def test_who_is_told_of_no_reward_wanders_on():
    """The heuristic then does what any action would: its rewards are as rare late as early."""
    asked = replace(subject(), model=None, agent=Heuristic())
    found = searches(asked, np.arange(16), 40, 8)
    paid = found.histories["reward"].reshape(640, 8, 5).sum(axis=2).mean(axis=0)
    assert paid[4:].mean() == pytest.approx(paid[:4].mean(), rel=0.15)
    assert found.is_known.any()


def test_a_random_walk_prefers_no_goals_of_training():
    asked = replace(subject(), model=None, agent=RandomActions())
    found = searches(asked, asked.split.held_out, 200, 6)
    trained = np.isin(np.arange(16), asked.split.train)
    assert abs(preference(found, known_room(asked.family), trained).mean()) < 0.05


def test_who_enters_goals_of_training_wherever_it_can_has_a_preference_of_one():
    room = known_room(tasks.make("dark-room", size=2))
    trained = np.array([True, False, True, False])
    assert preference(walked(), room, trained) == [1.0]


@pytest.mark.parametrize(
    "family",
    [
        tasks.make("dark-room", size=4, permute_actions=True),
        tasks.make("dark-room", size=4, terminate_at_goal=True),
        tasks.make("dark-room", size=4, goal_moves_every=2),
        tasks.make("key-to-door", size=3),
    ],
)
def test_tasks_that_are_more_than_a_goal_are_refused(family):
    asked = subject(family=family)
    with pytest.raises(InvalidArgument, match="one goal cell each"):
        searches(asked, np.arange(4), 1, 1)
