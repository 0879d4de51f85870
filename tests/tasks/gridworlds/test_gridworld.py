"""Variants of gridworlds: their twin, their numbering, their optimum, what is said of them."""

from itertools import permutations

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.tasks.checked_calls import checked_reset, checked_step
from adfast.tasks.family import hash_of_sources
from adfast.tasks.gridworlds import variants
from reference.gridworld import VARIANTS
from tasks.long_run import assert_follows_twin
from tasks.twins import marks_of, varied_case

EVERY_VARIANT = pytest.mark.parametrize(
    ("name", "variant"),
    [
        pytest.param(name, variant, marks=marks_of(name, f"varied, {variant}"))
        for name in VARIANTS
        for variant in VARIANTS[name]
    ],
)


@EVERY_VARIANT
def test_long_random_run_matches_reference(name, variant):
    options, twin_of = varied_case(name, variant)
    family = tasks.make(name, **options)
    task_ids = np.unique(np.linspace(0, family.num_tasks - 1, 13).astype(int))
    assert_follows_twin(family, twin_of, task_ids, 5)


@EVERY_VARIANT
def test_plain_tasks_come_first_and_are_those_of_the_plain_family(name, variant):
    options, plain_tasks = VARIANTS[name][variant]
    family = tasks.make(name, **options)
    ids = np.arange(plain_tasks)
    parameters = family.task_parameters(ids)
    plain = family.plain
    assert plain.num_tasks == plain_tasks
    np.testing.assert_array_equal(parameters[:, : plain.task_size], plain.task_parameters(ids))
    if family.permute_actions:
        packed = sum(action << 3 * action for action in range(family.num_actions))
        assert (parameters[:, plain.task_size] == packed).all()


def test_variants_that_are_off_change_nothing():
    plain = tasks.make("dark-room")
    off = tasks.make("dark-room", slip=0.0, permute_actions=False, goal_moves_every=0)
    assert (plain, repr(plain)) == (off, repr(off))
    assert plain.optimal_return(np.array([3]))[0] == 16
    assert plain == off == tasks.make("dark-room")  # used or not
    assert plain.outcomes == plain.starts == ((0, 1.0),)
    assert not plain.has_random_steps
    assert (plain.num_tasks, plain.task_size, plain.state_sizes) == (81, 2, (9, 9))


def test_tasks_are_goals_times_permutations_times_slips():
    family = tasks.make("dark-room", permute_actions=True, slip=[0, 0.5])
    assert family.num_tasks == 81 * 120 * 2
    parameters = family.task_parameters(np.arange(family.num_tasks))
    assert len(np.unique(parameters, axis=0)) == family.num_tasks
    for number, moves in enumerate(permutations(range(5))):
        task_id = number * 2 * 81 + 40
        stay = checked_reset(family, task_id, 0, 0)
        for action, move in enumerate(moves):
            key = 0xFFFF0000  # by which nobody slips
            expected = checked_step(tasks.make("dark-room"), 40, stay, move, 0)
            assert checked_step(family, task_id, stay, action, key) == expected


def test_optimum_stays_but_for_slips():
    ids = np.arange(16)
    plain = tasks.make("dark-room", size=4).optimal_return(ids)
    varied = tasks.make(
        "dark-room", size=4, permute_actions=True, reward_noise=0.4, goal_moves_every=3
    )
    np.testing.assert_array_equal(varied.optimal_return(ids + 16 * 77), plain)
    slipping = tasks.make("dark-room", size=4, slip=[0.0, 0.3], permute_actions=True)
    np.testing.assert_allclose(slipping.optimal_return(ids), plain, rtol=1e-14)
    assert (slipping.optimal_return(ids + 16) < plain).all()


def test_expert_of_slips_and_moving_goals_earns_the_optimum():
    options = {"size": 4, "slip": 0.3, "permute_actions": True}
    family = tasks.make("dark-room", **options, goal_moves_every=1)
    ids = np.arange(0, family.num_tasks, 7)
    returns = source_algorithms.make("optimal").returns(family, ids, ids, 30, seed=0)
    every_goal = tasks.make("dark-room", **options).optimal_return(np.arange(16))
    error = returns[:, 1:].mean() - every_goal.mean()
    assert abs(error) < 4 * returns.std() / returns[:, 1:].size ** 0.5


def test_goals_stay_for_as_many_episodes_as_asked():
    family = tasks.make("dark-room", goal_moves_every=3)
    goals = [checked_reset(family, 17, episode, episode)[2:] for episode in range(12)]
    assert goals[:3] == [(1, 8)] * 3
    assert [len(set(goals[first : first + 3])) for first in (0, 3, 6, 9)] == [1] * 4
    assert len(set(goals)) > 1


def test_what_is_said_of_a_task_knows_its_variant():
    family = tasks.make("dark-room", permute_actions=True, slip=[0, 0.25])
    task_id = family.num_tasks - 81 + 13
    label = "row 1, column 4, actions left down right up no-op, slip 0.25"
    assert family.task_label(task_id) == label
    assert family.task_map(task_id) == tasks.make("dark-room").task_map(13)
    assert family.action_label(2) == "action 2"
    assert tasks.make("dark-room", slip=0.1).action_label(2) == "right"
    assert tasks.make("dark-room", slip=0.1).task_label(13) == "row 1, column 4"


def test_halves_are_those_of_the_goals():
    family = tasks.make("dark-room", permute_actions=True)
    ids = np.array([0, 8, 81 * 5, 81 * 5 + 8])
    np.testing.assert_array_equal(family.halves(ids), [-1, 1, -1, 1])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dark-room", {"slip": 1.5}, "slip .*less than or equal to 1"),
        ("dark-room", {"slip": []}, r"slip must be a probability, or a list of up .* got \(\)"),
        ("dark-room", {"slip": [0.1, 0.1]}, "up to 64 different ones, got"),
        ("dark-room", {"slip": [n / 100 for n in range(65)]}, "up to 64 different ones, got"),
        ("dark-room", {"reward_noise": -0.1}, "reward_noise must be greater than or equal to 0"),
        ("dark-room", {"permute_actions": 1}, "permute_actions must be true or false, got 1"),
        ("dark-room", {"goal_moves_every": -1}, "goal_moves_every must be greater than or equal"),
        ("dark-house", {"goal_moves_every": 2}, "goal_moves_every must be 0 in dark-house, whose"),
        ("frozen-lake", {"goal_moves_every": 2}, "goal_moves_every"),
        ("frozen-lake", {"slip": 0.1}, "slip must be 0 where moves of frozen-lake are random by"),
    ],
)
def test_bad_option_is_refused_with_its_rule(name, options, message):
    with pytest.raises(ValueError, match=message):
        tasks.make(name, **options)


def test_task_that_does_not_exist_is_refused():
    family = tasks.make("dark-room", permute_actions=True)
    with pytest.raises(InvalidArgument, match=r"must be in 0\.\.9719, got 9720"):
        family.task_parameters(np.array([9720]))


def test_split_of_too_many_tasks_is_refused():
    family = tasks.make("dark-room", size=2048, permute_actions=True)
    assert family.num_tasks == 2048 * 2048 * 120
    with pytest.raises(InvalidArgument, match="split sorts all tasks, at most 134,217,728"):
        family.split(8, 0)


def test_families_that_were_used_are_compared_by_their_options():
    first, second = (tasks.make("dark-room", size=3, permute_actions=True) for _ in range(2))
    assert first.num_tasks == second.num_tasks == 9 * 120
    assert first == second


def test_compiled_code_is_stamped_with_what_is_put_around_the_family():
    assert hash_of_sources(variants.__name__) in tasks.make("key-to-door").source_hash


def test_layout_of_keys_and_boxes_stays():
    with pytest.raises(InvalidArgument, match='unknown setting "goal_moves_every"'):
        tasks.make("keys-and-boxes", goal_moves_every=2)
