"""The expert is optimal in every episode; annealed, it goes from chance to that."""

from typing import ClassVar

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.simulators.random_rollout import random_returns
from adfast.source_algorithms.informed.expert import Optimal
from adfast.tasks.gridworlds.dark_room import DarkRoom
from reference.dark_room import VARIANTS, DarkRoomReference
from reference.expert import best_moves, expert_history
from reference.frozen_lake import FrozenLakeReference


@pytest.mark.parametrize("variant", ["hard", "terminating"])
def test_annealed_histories_match_reference(variant):
    family = tasks.make("dark-room", **VARIANTS[variant])
    task_ids, streams, episodes = np.array([3, 24, 24, 12]), np.array([9, 7, 1, 0]), 30
    out = family.transition_schema.allocate(4, episodes * family.episode_length)
    algorithm = source_algorithms.make("annealed-expert")
    lengths = algorithm.learn(family, task_ids, streams, episodes, 5, out)
    for h, (task_id, stream) in enumerate(zip(task_ids, streams, strict=True)):
        room = DarkRoomReference(
            int(task_id), **VARIANTS[variant], seed=5, random_stream=int(stream)
        )
        noise = [1 - i / (episodes - 1) for i in range(episodes)]
        expected = expert_history(room, noise=noise, seed=5, random_stream=int(stream))
        assert lengths[h] == len(expected["action"])
        for name, values in expected.items():
            np.testing.assert_array_equal(out[name][h, : lengths[h]], values, err_msg=name)


@pytest.mark.parametrize("is_slippery", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_histories_on_a_lake_match_reference(is_slippery):
    options = {"size": 3, "episode_length": 9, "is_slippery": is_slippery}
    family = tasks.make("frozen-lake", **options)
    streams, episodes = np.array([9, 7, 1, 0]), 10
    out = family.transition_schema.allocate(4, episodes * family.episode_length)
    algorithm = source_algorithms.make("annealed-expert")
    lengths = algorithm.learn(family, streams, streams, episodes, 5, out)
    for h, stream in enumerate(streams.tolist()):
        lake = FrozenLakeReference(stream, **options, seed=5, random_stream=stream)
        expected = expert_history(
            lake,
            noise=[1 - i / (episodes - 1) for i in range(episodes)],
            seed=5,
            random_stream=stream,
            best_actions=best_moves,
        )
        assert lengths[h] == len(expected["action"])
        for name, values in expected.items():
            np.testing.assert_array_equal(out[name][h, : lengths[h]], values, err_msg=name)


def test_optimal_on_slippery_ice_earns_the_expected_optimum():
    family = tasks.make("frozen-lake", episode_length=30)
    ids = np.arange(64)
    returns = source_algorithms.make("optimal").returns(family, ids, ids, 400, seed=0)
    error = returns.mean() - family.optimal_return(ids).mean()
    assert abs(error) < 4 * returns.std() / returns.size**0.5


@pytest.mark.parametrize("variant", ["terminating", "hard"])
def test_optimal_earns_the_optimum_in_every_episode(variant):
    family = tasks.make("dark-room", **VARIANTS[variant])
    ids = np.arange(family.num_tasks)
    returns = source_algorithms.make("optimal").returns(family, ids, ids, 5, seed=0)
    np.testing.assert_array_equal(returns, np.tile(family.optimal_return(ids)[:, None], 5))


def test_optimal_with_random_starts_earns_the_expected_optimum():
    family = tasks.make("dark-room", start="random")
    episodes, ids = 400, np.arange(81)
    returns = source_algorithms.make("optimal").returns(family, ids, ids, episodes, seed=0)
    error = returns.mean() - family.optimal_return(ids).mean()
    assert abs(error) < 4 * returns.std() / returns.size**0.5


def test_annealed_expert_goes_from_chance_to_optimum():
    family = tasks.make("dark-room", **VARIANTS["hard"])
    ids = np.arange(289 * 10) % 289
    algorithm = source_algorithms.make("annealed-expert")
    curve = algorithm.returns(family, ids, np.arange(len(ids)), 50, seed=0).mean(axis=0)
    assert curve[0] == pytest.approx(random_returns(family, ids, 50).mean(), abs=0.015)
    assert curve[-1] == 1
    assert (np.diff(curve[::7]) > 0).all()


def test_noise_follows_its_schedule():
    make = source_algorithms.make
    linear = make("annealed-expert").exploration(5)
    np.testing.assert_allclose(linear, [1, 0.75, 0.5, 0.25, 0])
    quick = make("annealed-expert", noise_start=0.8, noise_end=0.2, noise_episodes=2)
    np.testing.assert_allclose(quick.exploration(4), [0.8, 0.5, 0.2, 0.2])
    curved = make("annealed-expert", exponent=2.0)
    np.testing.assert_allclose(curved.exploration(3), [1, 0.25, 0])
    np.testing.assert_array_equal(make("annealed-expert").exploration(1), [1])


def test_family_too_large_to_enumerate_is_refused():
    with pytest.raises(InvalidArgument, match="the expert holds one value per state and step"):
        Optimal().returns(tasks.make("dark-room", size=4096), [0], [0], 1, 0)


def test_family_without_a_planner_is_refused():
    class Maze(DarkRoom):
        name = "maze"
        planner: ClassVar[bool] = False

    with pytest.raises(InvalidArgument, match="a family that has a planner, got maze; use a learn"):
        Optimal().returns(Maze(), [0], [0], 1, 0)


def test_family_of_uncounted_random_steps_is_refused_whatever_it_says_of_its_planner():
    class WindyRoom(DarkRoom):
        name = "windy-room"
        has_random_steps: ClassVar[bool] = True
        planner: ClassVar[bool] = True

    with pytest.raises(InvalidArgument, match="got windy-room, whose outcomes are None; use a"):
        Optimal().returns(WindyRoom(), [0], [0], 1, 0)
