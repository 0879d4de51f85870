"""Random worlds: their twin, the law that they are drawn by, and their optimum."""

from functools import partial

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from reference.random_world import RandomWorldReference
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant


@every_variant("random-world")
def test_long_random_run_matches_reference(options):
    family = tasks.make("random-world", **options)
    task_ids = np.arange(13) * 5 % family.num_tasks
    seen = assert_follows_twin(family, partial(RandomWorldReference, **options), task_ids, 8)
    assert len(set(seen)) >= min(family.states, 12)


@every_variant("random-world")
def test_optimum_is_that_of_the_reference(options):
    family = tasks.make("random-world", **options)
    expected = [RandomWorldReference(world, **options).optimum() for world in range(12)]
    np.testing.assert_allclose(family.optimal_return(np.arange(12)), expected, rtol=1e-12)


@pytest.mark.parametrize("options", [{"slip": 0.5, "start": "random"}, {"branching": 1}])
def test_optimum_is_what_the_expert_earns(options):
    family = tasks.make("random-world", worlds=8, episode_length=7, **options)
    ids = np.repeat(np.arange(8), 40)
    returns = source_algorithms.make("optimal").returns(family, ids, np.arange(320), 25, seed=0)
    error = returns.mean() - family.optimal_return(ids).mean()
    assert abs(error) < 4 * returns.std() / returns.size**0.5


def test_branches_are_taken_as_often_as_their_outcomes_say():
    family = tasks.make("random-world", branching=4, slip=0.3)
    keys, shares = zip(*family.outcomes, strict=True)
    assert shares == pytest.approx((0.7, 0.1, 0.1, 0.1), abs=1e-9)
    assert sum(shares) == 1
    assert keys == (0, *family.branch_limits)
    assert tasks.make("random-world", branching=1).outcomes == ((0, 1.0),)


def test_goal_start_and_successors_are_drawn_over_all_states_alike():
    family = tasks.make("random-world", states=6)
    parameters = family.task_parameters(np.arange(16384))
    goal, start = parameters[:, 2:].T
    pairs = np.bincount(goal * 6 + start, minlength=36).reshape(6, 6)
    assert (np.diag(pairs) == 0).all()
    expected = 16384 / 30
    assert abs(pairs[~np.eye(6, dtype=bool)] - expected).max() < 5 * expected**0.5
    twins = [RandomWorldReference(world, states=6) for world in range(2000)]
    entered = np.array([twin.successors[twin.first_state] for twin in twins]).reshape(2000, -1)
    counts = np.bincount(((entered - goal[:2000, None]) % 6).ravel(), minlength=6)
    assert abs(counts - 5000).max() < 5 * 5000**0.5
    assert [twin.paying for twin in twins] == [{number} for number in goal[:2000].tolist()]


def test_further_states_pay_as_often_as_asked():
    paying = [len(RandomWorldReference(world, reward_density=0.2).paying) for world in range(2000)]
    assert np.mean(paying) == pytest.approx(1 + 0.2 * 15, abs=0.15)


def test_worlds_do_not_depend_on_how_many_there_are():
    few = tasks.make("random-world", worlds=4).task_parameters(np.arange(4))
    many = tasks.make("random-world", worlds=99).task_parameters(np.arange(99))
    np.testing.assert_array_equal(few, many[:4])


def test_words_for_people():
    family = tasks.make("random-world")
    goal = int(family.task_parameters(np.array([3]))[0, 2])
    assert family.task_label(3) == f"world 3, goal {goal}"
    assert family.task_map(3) is None
    assert family.observation_sizes == family.state_sizes == (16,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"states": 1}, "random-world: states must be greater than or equal to 2, got 1"),
        ({"states": 65537}, "states must be less than or equal to 65536, got 65537"),
        ({"actions": 256}, "actions must be less than or equal to 255, got 256"),
        ({"branching": 0}, "branching must be greater than or equal to 1, got 0"),
        ({"slip": 1.5}, r"slip must be less than or equal to 1, got 1\.5"),
        ({"reward_density": -0.1}, "reward_density must be greater than or equal to 0, got -0"),
        ({"start": "goal"}, "start must be 'fixed' or 'random', got 'goal'"),
        ({"worlds": 0}, "worlds must be greater than or equal to 1, got 0"),
        (
            {"states": 60_000, "actions": 100},
            "states x actions x branching must be at most 4,194,304, got 60,000 x 100 x 3; lower",
        ),
    ],
)
def test_bad_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("random-world", **options)


def test_task_that_does_not_exist_is_refused():
    with pytest.raises(InvalidArgument, match=r"random-world must be in 0\.\.16383, got"):
        tasks.make("random-world").optimal_return(np.array([16384]))
