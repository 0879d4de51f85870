"""What is patched is read in the place of what was there, and nothing else is touched."""

import numpy as np
import pytest
import torch

from adfast import tasks
from adfast.probes.attended.reading import read_histories
from adfast.probes.inside.patched_values import effect_of_patch, patching, probabilities
from adfast.probes.inside.reading_heads import rewarded_runs
from adfast.probes.inside.searches import known_room
from probes.subjects import bare_model, goal_seeking_model, subject

TASKS, SEEDS, EPISODES = np.array([0, 3, 5, 12, 15]), 2, 8


@pytest.fixture(scope="module")
def asked():
    family = tasks.make("dark-room", size=4, episode_length=12)
    return subject(goal_seeking_model(4.0, 12), family=family)


@pytest.fixture(scope="module")
def runs(asked):
    return rewarded_runs(asked, TASKS, SEEDS, EPISODES)


def test_own_values_change_nothing(asked, runs):
    plain = read_histories(asked.model, runs.histories).double().softmax(-1)
    own = probabilities(asked.model, runs, np.arange(10), 1.0)
    np.testing.assert_allclose(own, plain, atol=1e-6)


def test_parts_are_as_the_whole(asked, runs, monkeypatch):
    givers = np.roll(np.arange(10), 1)
    whole = probabilities(asked.model, runs, givers, 1.0)
    monkeypatch.setattr("adfast.probes.inside.patched_values.MAX_TOKENS", 200)
    np.testing.assert_allclose(probabilities(asked.model, runs, givers, 1.0), whole, atol=1e-6)


def test_rewarded_moments_get_the_rewarded_values_of_the_giver_in_turn():
    takes = np.array([[False, True, False, True, True]])
    gives = np.array([[True, False, False, True, False]])
    values = torch.arange(5.0).reshape(1, 5, 1, 1)
    put = patching({0: 10 * values}, takes, gives)
    np.testing.assert_array_equal(put(0, "value", values).reshape(-1), [0, 0, 2, 30, 0])
    assert put(0, "key", values) is None


def test_who_reads_the_goal_there_goes_to_the_others_and_who_does_not_stays(asked, runs):
    room = known_room(asked.family)
    moved = effect_of_patch(room, asked.model, runs, 1.0)
    assert moved.min() > 0.1
    alike = effect_of_patch(room, bare_model(12), runs, 1.0)
    np.testing.assert_allclose(alike, 0.0, atol=1e-7)
