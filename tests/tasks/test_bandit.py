"""Bandits: their twin, how often arms pay, where the best one is, and their optimum."""

from functools import partial

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.simulators.random_rollout import random_returns
from adfast.tasks.compiled.planning import planned_returns
from reference.bandit import BanditReference, arm_means
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant


@every_variant("bandit")
def test_long_random_run_matches_reference(options):
    family = tasks.make("bandit", **options)
    task_ids = np.arange(13) * 5 % family.num_tasks
    episodes = 300 // family.episode_length
    seen = assert_follows_twin(family, partial(BanditReference, **options), task_ids, episodes)
    assert set(seen) == {(0,)}


@pytest.mark.parametrize("means", ["uniform", "odd", "even"])
@pytest.mark.parametrize("arms", [2, 5, 10])
def test_arm_means_are_those_of_the_reference(means, arms):
    family = tasks.make("bandit", arms=arms, means=means)
    expected = [arm_means(task_id, arms, means) for task_id in range(50)]
    np.testing.assert_array_equal(family.arm_means(np.arange(50)) * 2.0**32, expected)


def test_means_are_uniform_and_the_best_arm_is_where_it_is_said_to_be():
    ids = np.arange(16384)
    by_kind = {m: tasks.make("bandit", means=m).arm_means(ids) for m in ("uniform", "odd", "even")}
    deciles = np.histogram(by_kind["uniform"], bins=10, range=(0, 1))[0]
    assert abs(deciles - ids.size).max() < 5 * ids.size**0.5
    share_odd = {kind: (means.argmax(axis=1) % 2).mean() for kind, means in by_kind.items()}
    assert share_odd == pytest.approx({"uniform": 0.5, "odd": 0.95, "even": 0.05}, abs=0.015)
    places = np.bincount(by_kind["odd"].argmax(axis=1), minlength=10) / ids.size
    assert places[1::2] == pytest.approx(0.19, abs=0.012)
    assert places[::2] == pytest.approx(0.01, abs=0.004)


def test_all_kinds_are_the_same_bandits_with_two_arms_exchanged():
    ids = np.arange(500)
    uniform = tasks.make("bandit").arm_means(ids)
    for means in ("odd", "even"):
        permuted = tasks.make("bandit", means=means).arm_means(ids)
        np.testing.assert_array_equal(np.sort(permuted), np.sort(uniform))
        assert set((permuted != uniform).sum(axis=1)) == {0, 2}


def test_bandits_do_not_depend_on_how_many_there_are_nor_on_further_arms():
    few = tasks.make("bandit", bandits=4, arms=3).arm_means(np.arange(4))
    many = tasks.make("bandit", bandits=99, arms=7).arm_means(np.arange(99))
    np.testing.assert_array_equal(few, many[:4, :3])


def test_trial_of_one_episode_has_the_pulls_and_rewards_of_one_pull_episodes():
    ids, pulls = np.arange(6), {}
    for episode_length in (1, 100):
        family = tasks.make("bandit", episode_length=episode_length)
        out = family.transition_schema.allocate(6, 100)
        learner = source_algorithms.make("ucb1")
        learner.learn(family, ids, ids, 100 // episode_length, 0, out)
        pulls[episode_length] = out["action"], out["reward"]
    np.testing.assert_array_equal(pulls[1], pulls[100])


def test_optimum_and_random_policy_are_the_means():
    family = tasks.make("bandit", episode_length=50)
    ids = np.arange(4000)
    means = family.arm_means(ids)
    np.testing.assert_array_equal(family.optimal_return(ids), 50 * means.max(axis=1))
    assert family.optimal_return(ids).mean() == pytest.approx(50 * 10 / 11, abs=0.2)
    returns = random_returns(family, ids, 4)
    assert returns.mean() == pytest.approx(50 * means.mean(), abs=0.15)


def test_words_for_people():
    family = tasks.make("bandit", means="odd")
    best = int(family.arm_means(np.array([12])).argmax())
    assert family.task_label(12) == f"bandit 12, best arm {best}"
    assert family.action_label(3) == "arm 3"
    assert family.task_map(0) is None
    assert family.planner


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arms": 1}, "bandit: arms must be greater than or equal to 2, got 1"),
        ({"arms": 256}, "arms must be less than or equal to 255, got 256"),
        ({"means": "best"}, "means must be 'uniform', 'odd' or 'even', got 'best'"),
        ({"bias": 1.1}, r"bias must be less than or equal to 1, got 1\.1"),
        ({"bandits": 0}, "bandits must be greater than or equal to 1, got 0"),
        ({"episode_length": 0}, "episode_length must be greater than or equal to 1, got 0"),
    ],
)
def test_bad_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("bandit", **options)


def test_task_that_does_not_exist_is_refused():
    with pytest.raises(
        InvalidArgument, match=r"task_ids of bandit must be in 0\.\.16383, got 16384"
    ):
        tasks.make("bandit").arm_means(np.array([16384]))


@pytest.mark.parametrize("means", ["uniform", "odd", "even"])
def test_expert_pulls_the_best_arm_and_the_plan_is_worth_the_optimum(means):
    family = tasks.make("bandit", means=means, episode_length=7)
    ids = np.arange(40)
    out = family.transition_schema.allocate(40, 21)
    source_algorithms.make("optimal").learn(family, ids, ids, 3, 0, out)
    best = np.argmax([arm_means(task_id, 10, means) for task_id in range(40)], axis=1)
    np.testing.assert_array_equal(out["action"], np.repeat(best[:, None], 21, axis=1))
    np.testing.assert_allclose(planned_returns(family, ids), family.optimal_return(ids))


def test_expected_step_is_the_mean_of_many_steps():
    family = tasks.make("bandit", means="odd", arms=3)
    task = tuple(family.task_parameters(np.array([5]))[0])
    keys = (np.arange(4096, dtype=np.uint64) << np.uint64(20)).astype(np.uint32)
    for arm in range(3):
        with np.errstate(over="ignore"):  # random draws wrap round
            state, expected, ended = family.expected_step(task, (0,), arm)
            steps = [family.step(task, (0,), arm, key) for key in keys]
        assert (state, ended) == steps[0][::2]
        assert expected == pytest.approx(np.mean([reward for _, reward, _ in steps]), abs=1e-3)


def test_who_must_know_what_a_reward_says_of_a_task_is_refused():
    family = tasks.make("bandit", bandits=20)
    with pytest.raises(InvalidArgument, match="got bandit, whose outcomes are None"):
        source_algorithms.make("posterior-sampling").check(family)
