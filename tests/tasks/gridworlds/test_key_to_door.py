"""Dark Key-to-Door: its twin, its tasks, its optimum, and how the random policy fares."""

from functools import cache, partial

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.simulators import BatchSimulator
from adfast.simulators.random_rollout import random_returns
from pairwise import every_pair
from reference.key_to_door import VARIANTS, KeyToDoorReference
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant

RIGHT, DOWN, LEFT = 2, 3, 4


@every_variant("key-to-door")
def test_long_random_run_matches_reference(options):
    family = tasks.make("key-to-door", **options)
    task_ids = np.arange(23) * 577 % family.num_tasks
    assert_follows_twin(family, partial(KeyToDoorReference, **options), task_ids, 8)


def test_tasks_are_all_pairs_of_cells_each_once_and_none_left_out():
    family = tasks.make("key-to-door")
    parameters = family.task_parameters(np.arange(family.num_tasks))
    assert parameters.shape == (6561, 4)
    assert len(np.unique(parameters, axis=0)) == 6561
    key, door = parameters[:, :2], parameters[:, 2:]
    assert (key[:, 0] == door[:, 0]).sum() == 9 * 9**2  # pairs that share a row are there
    assert (key == door).all(axis=1).sum() == 81


def test_key_comes_before_door_in_every_view_of_a_task():
    family = tasks.make("key-to-door")
    task_id = (2 * 9 + 5) * 81 + 7 * 9 + 1
    np.testing.assert_array_equal(family.task_parameters(np.array([task_id])), [[2, 5, 7, 1]])
    assert family.task_label(task_id) == "key in row 2, column 5, door in row 7, column 1"
    marks = family.task_map(task_id).landmarks
    assert [(m.name, m.row, m.column) for m in marks] == [("key", 2, 5), ("door", 7, 1)]


def walk(family, task_id, actions):
    """Rewards and observations of one episode."""
    simulator = BatchSimulator(family, np.array([task_id]))
    simulator.reset()
    results = [simulator.step(np.array([action])) for action in actions]
    return [int(r.reward[0]) for r in results], [tuple(r.final_observation[0]) for r in results]


def test_key_and_door_pay_once_and_the_door_only_with_the_key():
    family = tasks.make("key-to-door", size=3, start=(0, 0), key_observed=True)
    rewards, seen = walk(family, 2 * 9 + 1, [RIGHT, RIGHT, LEFT, RIGHT, LEFT])
    assert rewards == [0, 1, 1, 0, 0]
    assert [has_key for *_, has_key in seen] == [0, 1, 1, 1, 1]


def test_key_on_the_door_pays_both_in_one_step():
    family = tasks.make("key-to-door", size=3, start=(0, 0))
    assert walk(family, 3 * 9 + 3, [DOWN, DOWN])[0] == [2, 0]


def optimum_by_exhaustion(task_id, options):
    """The best expected return by trying every action in every state at every step, in the twin."""
    room = KeyToDoorReference(task_id, **options)
    room.reset()

    @cache
    def best(cell, has_key, has_opened, steps):
        if steps == room.episode_length:
            return 0
        values = []
        for action in range(room.num_actions):
            room.cell, room.has_key, room.has_opened, room.steps = cell, has_key, has_opened, steps
            _, reward, terminated, _ = room.step(action)
            after = (room.cell, room.has_key, room.has_opened, steps + 1)
            values.append(reward + (0 if terminated else best(*after)))
        return max(values)

    cells = [(row, column) for row in range(room.size) for column in range(room.size)]
    starts = cells if room.start == "random" else [room.start]
    return sum(best(start, False, False, 0) for start in starts) / len(starts)


@every_pair(
    start=["centre", "corner", "random", (1, 2)],
    terminate_at_goal=[False, True],
    episode_length=[1, 3, 4],
)
def test_optimum_is_what_exhaustion_finds(start, terminate_at_goal, episode_length):
    options = {
        "size": 3,
        "start": start,
        "terminate_at_goal": terminate_at_goal,
        "episode_length": episode_length,
    }
    family = tasks.make("key-to-door", **options)
    found = [optimum_by_exhaustion(task_id, options) for task_id in range(81)]
    np.testing.assert_allclose(family.optimal_return(np.arange(81)), found, rtol=1e-14)


@pytest.mark.parametrize("start", ["random", "centre"])
def test_optimum_of_the_published_room_is_two(start):
    family = tasks.make("key-to-door", start=start)
    np.testing.assert_allclose(family.optimal_return(np.arange(6561)), 2, rtol=1e-14)


@pytest.mark.parametrize(("start", "expected"), [("random", 0.252), ("centre", 0.269)])
def test_random_policy_earns_what_is_known(start, expected):
    family = tasks.make("key-to-door", start=start)
    assert abs(random_returns(family, np.arange(6561), 20).mean() - expected) < 0.004


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_schema_and_state_follow_the_options(options):
    family = tasks.make("key-to-door", **options)
    size = options.get("size", 9)
    key = (2,) if options.get("key_observed") else ()
    assert family.observation_sizes == (size, size, *key)
    assert family.state_sizes == (size, size, 3)
    assert family.num_tasks == size**4
    assert family.episode_length == options.get("episode_length", 50)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "key-to-door: size must be greater than or equal to 1, got 0"),
        ({"size": 65}, "size must be less than or equal to 64, got 65"),
        ({"episode_length": 0}, "episode_length must be greater than or equal to 1, got 0"),
        ({"start": "door"}, "start must be 'centre', 'corner' or 'random'.* got 'door'"),
        ({"start": (0, 9)}, r"start must be a \(row, column\) in 0\.\.8, got \(0, 9\)"),
        ({"key_observed": 1}, "key_observed must be true or false, got 1"),
        ({"reward": "once"}, 'key-to-door: unknown setting "reward"'),
    ],
)
def test_bad_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("key-to-door", **options)


def test_task_that_does_not_exist_is_refused():
    with pytest.raises(InvalidArgument, match=r"of key-to-door must be in 0\.\.6560, got 6561"):
        tasks.make("key-to-door").task_parameters(np.array([6561]))


def test_halves_are_those_that_hold_both_key_and_door():
    family = tasks.make("key-to-door", size=3)
    ids = [key * 9 + door for key, door in ((0, 3), (2, 8), (0, 2), (1, 0), (1, 4))]
    assert family.halves(np.array(ids)).tolist() == [-1, 1, 0, 0, 0]


def test_learner_that_reads_the_state_learns_as_fast_as_is_known():
    family = tasks.make("key-to-door")
    learner = source_algorithms.make("q-learning", reads="state", initial_value=0.1)
    ids = np.random.default_rng(0).choice(6561, 600, replace=False)
    returns = learner.returns(family, ids, np.arange(600), 152, seed=0).mean(axis=0)
    around = [returns[episode - 2 : episode + 2].mean() for episode in (10, 25, 50, 100, 150)]
    np.testing.assert_allclose(around, [0.50, 0.97, 1.58, 1.96, 1.99], atol=0.1)
