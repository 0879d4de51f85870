"""Cliff Walking: its twin, Gymnasium's own rules and map, its cliffs, its optimum."""

from functools import partial

import gymnasium
import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.simulators import BatchSimulator
from adfast.tasks.checked_calls import checked_step
from reference.cliff_walking import CliffWalkingReference, drawn_map
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant


@every_variant("cliff-walking")
def test_long_random_run_matches_reference(options):
    family = tasks.make("cliff-walking", **options)
    task_ids = np.arange(13) * 3 % family.num_tasks
    assert_follows_twin(family, partial(CliffWalkingReference, **options), task_ids, 3)


def test_classic_map_is_gymnasiums_step_for_step():
    """Over random episodes of the installed environment itself."""
    environment = gymnasium.make("CliffWalking-v1", max_episode_steps=100).unwrapped
    simulator = BatchSimulator(tasks.make("cliff-walking"), [0])
    simulator.reset()
    environment.reset(seed=0)
    for action in np.random.default_rng(0).choice(4, p=(0.3, 0.3, 0.2, 0.2), size=3000).tolist():
        cell, reward, terminated, _, _ = environment.step(action)
        result = simulator.step([action])
        row, column = result.final_observation[0].tolist()
        assert (row * 12 + column, result.reward[0], result.terminated[0]) == (
            cell,
            reward,
            terminated,
        )
        if terminated or result.truncated[0]:
            environment.reset()


@pytest.mark.parametrize("is_slippery", [True, False])
def test_moves_are_those_of_gymnasium(is_slippery):
    """From every cell, by every action and draw, what Gymnasium's table of transitions says."""
    family = tasks.make("cliff-walking", layout="gymnasium", is_slippery=is_slippery)
    table = gymnasium.make("CliffWalking-v1", is_slippery=is_slippery).unwrapped.P
    for cell in range(48):
        for action in range(4):
            ours = []
            for key, probability in family.outcomes:
                state = divmod(cell, 12)
                (row, column), reward, ended = checked_step(family, 0, state, action, key)
                ours.append((probability, row * 12 + column, reward, ended))
            assert ours == table[cell][action]


def rows_of(family, task_id):
    """The map of a task in letters."""
    plan = family.task_map(task_id)
    letters = [["."] * family.columns for _ in range(family.rows)]
    for mark in plan.landmarks:
        letters[mark.row][mark.column] = mark.name[0].upper()
    return ["".join(row) for row in letters]


def test_cliffs_are_those_of_the_reference():
    family = tasks.make("cliff-walking", rows=5, columns=9, cliffs=60)
    assert [rows_of(family, n) for n in range(60)] == [drawn_map(n, 5, 9) for n in range(60)]


def test_cliffs_do_not_depend_on_their_number_and_differ():
    few = tasks.make("cliff-walking", cliffs=4).task_parameters(np.arange(4))
    many = tasks.make("cliff-walking").task_parameters(np.arange(1024))
    np.testing.assert_array_equal(few, many[:4])
    assert len(np.unique(many, axis=0)) == 1024


def test_optimum_walks_along_the_edge_and_over_none():
    family = tasks.make("cliff-walking")
    optimum = family.optimal_return(np.arange(1024))
    assert optimum[0] == -13
    assert len(np.unique(optimum)) > 2
    assert ((optimum <= -11) & (optimum >= -35)).all()
    assert tasks.make("cliff-walking", episode_length=9).optimal_return(np.array([0])) == -9


def test_map_and_labels_say_what_lies_where():
    family = tasks.make("cliff-walking", layout="gymnasium")
    assert rows_of(family, 0) == ["............"] * 3 + ["SCCCCCCCCCCG"]
    assert family.task_map(0).start == (3, 0)
    assert family.task_label(0) == "cliff 0"
    assert [family.action_label(action) for action in range(4)] == ["up", "right", "down", "left"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 1}, "cliff-walking: rows must be greater than or equal to 2, got 1"),
        ({"columns": 33}, "columns must be less than or equal to 32, got 33"),
        ({"cliffs": 0}, "cliffs must be greater than or equal to 1, got 0"),
        ({"layout": "classic"}, "layout must be 'generated' or 'gymnasium', got 'classic'"),
        ({"is_slippery": True, "slip": 0.1}, "slip must be 0 where moves of cliff-walking are"),
    ],
)
def test_bad_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("cliff-walking", **options)
