"""The longest episode of an environment is found wherever it is stated."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import TimeLimit
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.collection.stated_limits import longest_episode
from adfast.errors import InvalidArgument
from adfast.simulators.gymnasium_env import FamilyVectorEnv


class Endless(gymnasium.Env):
    """States no limit, or one in an attribute, or in a specification."""

    observation_space, action_space = Discrete(2), Discrete(2)

    def __init__(self, own=None, specified=None):
        if own is not None:
            self.max_episode_steps = own
        if specified is not None:
            self.spec = gymnasium.envs.registration.EnvSpec("A-v0", max_episode_steps=specified)

    def reset(self, *, seed=None, options=None):
        return 0, {}

    def step(self, action):
        return 0, 0.0, False, False, {}


def limited(own=None, specified=None, cut_off=()):
    environment = Endless(own, specified)
    for limit in cut_off:
        environment = TimeLimit(environment, limit)
    return environment


SINGLES = {
    None: {},
    20: {"own": 20},
    30: {"specified": 30},
    31: {"own": 20, "specified": 31},
    21: {"own": 21, "specified": 3},
    7: {"cut_off": (7,), "specified": 500, "own": 500},
    6: {"cut_off": (6, 9)},
    5: {"cut_off": (9, 5)},
}


@pytest.mark.parametrize(("limit", "stated"), SINGLES.items())
def test_limit_of_a_single_environment(limit, stated):
    assert longest_episode(limited(**stated)) == limit


def test_attribute_that_is_no_limit_is_passed_over():
    assert longest_episode(limited(own=lambda: 3)) is None
    assert longest_episode(limited(own=0, specified=4)) == 4


@pytest.mark.parametrize("limits", [(7, 20, 30), (30, 7, 20), (21, 31), (20, 20), (5, 6)])
def test_limit_of_a_vector_is_the_greatest_of_all(limits):
    vector = SyncVectorEnv([lambda limit=limit: limited(**SINGLES[limit]) for limit in limits])
    assert longest_episode(vector) == max(limits)


@pytest.mark.parametrize("limits", [(20, 21), (31, 30), (7, 5), (30, 7), (21, 20, 31)])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # a fork beside threads
def test_limit_of_a_vector_of_processes_is_the_greatest_of_all(limits):
    vector = AsyncVectorEnv([lambda limit=limit: limited(**SINGLES[limit]) for limit in limits])
    assert longest_episode(vector) >= max(limits)  # of what limits an environment, the outermost
    assert longest_episode(vector) in (*limits, 500)
    vector.close()


@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # a fork beside threads
def test_vector_with_one_that_states_nothing_has_no_limit(kind):
    vector = kind([lambda: limited(cut_off=(5,)), limited])
    assert longest_episode(vector) is None
    vector.close()


def test_limits_are_seen_through_vector_wrappers_and_stated_by_the_vector():
    made = [lambda limit=limit: limited(own=limit) for limit in (3, 8, 5)]
    assert longest_episode(RecordEpisodeStatistics(SyncVectorEnv(made))) == 8
    assert longest_episode(FamilyVectorEnv(2, size=3, episode_length=6)) == 6
    made_by_id = gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync")
    assert longest_episode(made_by_id) == 500
    own_entry = gymnasium.make_vec(
        "CartPole-v1", num_envs=2, vectorization_mode="vector_entry_point"
    )
    assert longest_episode(own_entry) == 500


@pytest.mark.parametrize("order", [(2, 4), (4, 2)])
def test_vector_of_unlike_limits_is_recorded_in_either_order(tmp_path, order):
    made = [lambda steps=steps: limited(cut_off=(steps,)) for steps in order]
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(SyncVectorEnv(made))
        environment.reset()
        for _ in range(12):
            environment.step(np.zeros(2, int))
    store = histories.open(tmp_path)
    assert store.schema.episode_length == 4
    assert [store.history(i)["episode_step"].max() + 1 for i in range(2)] == list(order)


def test_longer_episodes_than_the_stores_are_refused_with_the_way_out(tmp_path):
    with Recorder(tmp_path / "a") as recorder:
        recorder.wrap(limited(cut_off=(20,)))
        with pytest.raises(InvalidArgument, match=r"of at most 20 steps.*, episode_length=40\)"):
            recorder.wrap(limited(cut_off=(40,)))
        recorder.wrap(limited(cut_off=(10,)))
    with Recorder(tmp_path / "b", episode_length=40) as recorder:
        recorder.wrap(limited(cut_off=(20,)))
        recorder.wrap(limited(cut_off=(40,)))


@pytest.mark.parametrize("length", [0, -3, 2.5, "7", True, np.nan])
def test_length_that_is_none_is_refused(tmp_path, length):
    with pytest.raises(InvalidArgument, match="episode_length must be an integer"):
        Recorder(tmp_path, episode_length=length)
    assert not any(tmp_path.iterdir())
