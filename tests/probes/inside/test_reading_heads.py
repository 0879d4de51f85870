"""Heads that read rewards are found, and what is silenced is out of play, there and no further."""

import numpy as np
import pytest
import torch

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.probes.inside.reading_heads import (
    MAX_CHOICES,
    RewardedRuns,
    attention_over_time,
    by_rewarded_task,
    other_choices,
    reading_heads,
    returns_without,
    rewarded_runs,
)
from adfast.probes.rollouts import roll_out, streams_of
from probes.subjects import bare_model, goal_seeking_model, subject

TASKS, SEEDS, EPISODES = np.arange(16), 2, 6


def seeking(heads=2):
    family = tasks.make("dark-room", size=4, episode_length=12)
    return subject(goal_seeking_model(6.0, 12, heads), family=family)


@pytest.mark.parametrize(("heads", "count", "choices"), [(6, 2, 6), (2, 1, 1), (4, 2, 1)])
def test_others_are_all_choices_from_the_rest(heads, count, choices):
    chosen = np.zeros((2, heads // 2), bool)
    chosen.reshape(-1)[:count] = True
    others = other_choices(chosen)
    assert len({tuple(row) for row in others.reshape(-1, heads)}) == len(others) == choices
    assert (others.sum(axis=(1, 2)) == count).all()
    assert not (others & chosen).any()


def test_of_very_many_choices_some_are_taken():
    chosen = np.eye(16, dtype=bool)[:4].any(axis=0).reshape(4, 4)
    assert len(other_choices(chosen)) == MAX_CHOICES


def test_the_head_that_looks_at_rewards_is_found():
    asked = seeking()
    runs = rewarded_runs(asked, TASKS, SEEDS, EPISODES)
    excess = attention_over_time(asked, runs)
    assert excess.shape == (16, EPISODES, 1, 2)
    np.testing.assert_array_equal(reading_heads(excess, 0.5), [[True, False]])
    alike = excess[..., 1]
    np.testing.assert_allclose(alike[~np.isnan(alike)], 0.0, atol=1e-6)  # as much as by chance
    never = ~runs.shows.reshape(16, SEEDS, -1)[:, 0].any(axis=1)
    assert np.isnan(excess[never]).all()


def test_without_no_head_all_is_as_it_was_and_without_all_nothing_is_attended_to():
    asked = seeking()
    runs = rewarded_runs(asked, TASKS, SEEDS, EPISODES)
    silenced = np.array([[[False, False]], [[True, True]], [[False, True]]])
    plain, without, without_idle = returns_without(asked, runs, 3, silenced)
    tasks_and_streams = streams_of(asked.family, TASKS, np.arange(SEEDS, 2 * SEEDS))
    expected = roll_out(asked, *tasks_and_streams, 3, context=runs.histories).returns
    np.testing.assert_allclose(plain, expected.mean(axis=(1, 2)))
    np.testing.assert_allclose(without_idle, plain)
    with torch.no_grad():
        asked.model.blocks[0].attention_out.zero_()
    expected = roll_out(asked, *tasks_and_streams, 3, context=runs.histories).returns
    np.testing.assert_allclose(without, expected.mean(axis=(1, 2)))


def test_choices_that_act_at_once_do_not_touch_each_other(monkeypatch):
    asked = seeking()
    runs = rewarded_runs(asked, TASKS, SEEDS, 2)
    silenced = np.array([[[False, False]], [[True, False]]])
    together = returns_without(asked, runs, 2, silenced)
    monkeypatch.setattr("adfast.probes.inside.reading_heads.MAX_ROWS", 1)
    np.testing.assert_array_equal(returns_without(asked, runs, 2, silenced), together)


def test_runs_that_were_never_rewarded_do_not_count():
    reward = np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0]])
    runs = RewardedRuns({"reward": reward}, np.arange(3), 2)
    values = np.array([[5.0, 9.0, 9.0, 9.0, 1.0, 3.0]])
    np.testing.assert_array_equal(by_rewarded_task(runs, values), [[5.0, 2.0]])


def test_heads_that_read_half_as_much_read_too_but_half_of_all_at_most():
    excess = np.array([[0.4, 0.21, 0.3, -0.1], [0.1, 0.19, 0.0, 0.4]])[None, None]
    np.testing.assert_array_equal(np.flatnonzero(reading_heads(excess, 0.5)), [0, 1, 2, 7])
    np.testing.assert_array_equal(np.flatnonzero(reading_heads(excess, 0.0)), [0, 1, 2, 7])
    np.testing.assert_array_equal(np.flatnonzero(reading_heads(excess, 0.9)), [0, 7])
    assert reading_heads(-np.abs(excess), 0.5).sum() == 1
    with pytest.raises(InvalidArgument, match=r"the model has 1; set model\.num_heads"):
        reading_heads(excess[..., :1, :1], 0.5)


def test_episodes_that_end_early_are_refused():
    family = tasks.make("dark-room", size=4, episode_length=5, terminate_at_goal=True)
    with pytest.raises(InvalidArgument, match="episodes of one length"):
        rewarded_runs(subject(bare_model(), family=family), TASKS, 8, EPISODES)
