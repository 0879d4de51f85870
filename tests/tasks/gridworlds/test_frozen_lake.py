"""Frozen Lake: its twin, Gymnasium's own rules and maps, its lakes, its optimum."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.toy_text.frozen_lake import MAPS as GYMNASIUM_MAPS

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.tasks.checked_calls import checked_step
from reference.frozen_lake import MAPS, FrozenLakeReference, drawn_map
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant


@every_variant("frozen-lake")
def test_long_random_run_matches_reference(options):
    family = tasks.make("frozen-lake", **options)
    task_ids = np.arange(13) * 3 % family.num_tasks
    assert_follows_twin(family, partial(FrozenLakeReference, **options), task_ids, 3)


def rows_of(family, task_id):
    """The map of a task in letters."""
    letters = np.where(family.holes(np.array([task_id]))[0], "H", "F")
    letters[0], letters[-1] = "S", "G"
    return ["".join(row) for row in letters.reshape(family.size, family.size)]


@pytest.mark.parametrize("size", [4, 8])
def test_gymnasiums_maps_are_its_own(size):
    family = tasks.make("frozen-lake", size=size, layout="gymnasium")
    assert family.num_tasks == 1
    assert rows_of(family, 0) == GYMNASIUM_MAPS[f"{size}x{size}"] == MAPS[size]


@pytest.mark.parametrize("is_slippery", [True, False])
@pytest.mark.parametrize(
    "options", [{"size": 8, "layout": "gymnasium"}, {"size": 6}, {"size": 2, "lakes": 3}]
)
def test_moves_are_those_of_gymnasium(options, is_slippery):
    """From every cell, by every action and draw, what Gymnasium's table of transitions says."""
    family = tasks.make("frozen-lake", is_slippery=is_slippery, **options)
    task_id = family.num_tasks - 1
    table = gymnasium.make(
        "FrozenLake-v1", desc=rows_of(family, task_id), is_slippery=is_slippery
    ).unwrapped.P
    frozen = np.flatnonzero(~family.holes(np.array([task_id]))[0])[:-1]
    for cell in frozen.tolist():
        for action in range(4):
            ours = []
            for draw in range(3 if is_slippery else 1):
                key = draw * 2**32 // 3 + 1
                state = divmod(cell, family.size)
                (row, column), reward, ended = checked_step(family, task_id, state, action, key)
                ours.append((row * family.size + column, reward, ended))
            assert ours == [outcome[1:] for outcome in table[cell][action]]


def test_lakes_are_those_of_the_reference_and_can_all_be_crossed():
    family = tasks.make("frozen-lake", size=7, frozen_probability=0.7, lakes=50)
    assert [rows_of(family, n) for n in range(50)] == [drawn_map(n, 7, 0.7) for n in range(50)]
    firm = tasks.make("frozen-lake", size=16, frozen_probability=0.6, is_slippery=False)
    assert (firm.optimal_return(np.arange(200)) == 1).all()


def test_lakes_do_not_depend_on_their_number_and_differ():
    few = tasks.make("frozen-lake", size=5, lakes=4).task_parameters(np.arange(4))
    many = tasks.make("frozen-lake", size=5, lakes=999).task_parameters(np.arange(999))
    np.testing.assert_array_equal(few, many[:4])
    assert len(np.unique(many, axis=0)) > 900


def test_cells_are_frozen_with_their_probability():
    family = tasks.make("frozen-lake", size=16, frozen_probability=0.95)
    assert family.holes(np.arange(200)).mean() == pytest.approx(0.05, abs=0.005)


def test_optimum_of_a_firm_lake_is_what_the_expert_earns():
    options = {"size": 7, "episode_length": 12, "frozen_probability": 0.6}
    family = tasks.make("frozen-lake", is_slippery=False, **options)
    ids = np.arange(60)
    earned = source_algorithms.make("optimal").returns(family, ids, ids, 1, seed=0)[:, 0]
    np.testing.assert_array_equal(family.optimal_return(ids), earned)
    assert 0 < earned.mean() < 1  # some ways round are too long


def test_optimum_of_a_slippery_lake_is_what_its_best_policy_earns():
    """Of Gymnasium's table of transitions, with the steps that are left."""
    family = tasks.make("frozen-lake", layout="gymnasium", episode_length=30)
    table = gymnasium.make("FrozenLake-v1").unwrapped.P
    values = np.zeros(16)
    for _ in range(30):
        values = np.array(
            [
                max(
                    sum(
                        p * (reward + values[to] * (not ended)) for p, to, reward, ended in outcomes
                    )
                    for outcomes in table[cell].values()
                )
                for cell in range(16)
            ]
        )
    assert family.optimal_return(np.array([0]))[0] == pytest.approx(values[0], rel=1e-12)


def test_outcomes_are_the_three_ways_of_a_slippery_move():
    family = tasks.make("frozen-lake")
    keys, probabilities = zip(*family.outcomes, strict=True)
    assert probabilities == (1 / 3,) * 3
    after = [checked_step(family, 0, (0, 0), 1, key)[0] for key in keys]
    assert after == [(0, 0), (1, 0), (0, 1)]  # left, down, right
    assert family.planner
    assert tasks.make("frozen-lake", is_slippery=False).outcomes == ((0, 1.0),)


def test_map_shows_start_holes_and_goal():
    family = tasks.make("frozen-lake", layout="gymnasium")
    marks = {(mark.row, mark.column): mark.name for mark in family.task_map(0).landmarks}
    assert marks == {
        **{(0, 0): "start", (3, 3): "goal"},
        **dict.fromkeys([(1, 1), (1, 3), (2, 3), (3, 0)], "hole"),
    }
    assert family.task_label(0) == "lake 0"
    assert [family.action_label(action) for action in range(4)] == ["left", "down", "right", "up"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 1}, "frozen-lake: size must be greater than or equal to 2, got 1"),
        ({"size": 17}, "size must be less than or equal to 16, got 17"),
        ({"size": 5, "layout": "gymnasium"}, 'size must be 4 or 8 where layout is "gymnasium", go'),
        ({"layout": "random"}, "layout must be 'generated' or 'gymnasium', got 'random'"),
        ({"frozen_probability": 0.5}, r"frozen_probability must be greater than .* 0\.6, got 0\.5"),
        ({"is_slippery": 1}, "is_slippery must be true or false, got 1"),
        ({"lakes": 0}, "lakes must be greater than or equal to 1, got 0"),
    ],
)
def test_bad_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("frozen-lake", **options)
