"""The Gymnasium faces obey Gymnasium and equal each other and the twin."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from adfast.errors import InvalidArgument, UnknownName
from adfast.simulators.gymnasium_env import FamilyEnv, FamilyVectorEnv
from reference.dark_room import VARIANTS, DarkRoomReferenceEnv

ENVIRONMENT_ID = "adfast/DarkRoom-v0"


@pytest.mark.parametrize("variant", ["dark-room", "terminating"])
def test_single_environment_passes_gymnasiums_checks(variant):
    check_env(gymnasium.make(ENVIRONMENT_ID, task_id=3, **VARIANTS[variant]).unwrapped)


def assert_infos_equal(info, expected):
    assert info.keys() == expected.keys()
    for key, value in expected.items():
        if key == "final_obs":
            assert [x is None for x in info[key]] == [x is None for x in value]
            for a, b in zip(info[key], value, strict=True):
                np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_equal(info[key], value)


@pytest.mark.parametrize("single", [FamilyEnv, DarkRoomReferenceEnv])
@pytest.mark.parametrize("variant", ["dark-room", "terminating"])
def test_vector_environment_equals_sync_vector_of_single_ones(single, variant):
    options = VARIANTS[variant]
    task_ids = [3, 8, 12, 13, 24]
    vector = gymnasium.make_vec(ENVIRONMENT_ID, num_envs=5, task_ids=task_ids, **options)
    synced = SyncVectorEnv(
        [lambda task_id=task_id: single(task_id=task_id, **options) for task_id in task_ids],
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    assert vector.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert vector.single_observation_space == synced.single_observation_space
    assert vector.observation_space == synced.observation_space
    assert vector.action_space == synced.action_space
    random = np.random.default_rng(0)
    for seed in (11, None, [5, 4, 3, 2, 1], None):
        observation, info = vector.reset(seed=seed)
        expected_observation, expected_info = synced.reset(seed=seed)
        np.testing.assert_array_equal(observation, expected_observation)
        assert_infos_equal(info, expected_info)
        for _ in range(50):
            actions = random.integers(5, size=5)
            *arrays, info = vector.step(actions)
            *expected, expected_info = synced.step(actions)
            for array, expectation in zip(arrays, expected, strict=True):
                assert array.dtype == expectation.dtype
                np.testing.assert_array_equal(array, expectation)
            assert_infos_equal(info, expected_info)


def test_seeding_some_environments_leaves_the_others_alone():
    options = VARIANTS["terminating"]
    vector, other = (FamilyVectorEnv(4, **options) for _ in range(2))
    vector.reset(seed=1)
    other.reset(seed=1)
    observation, _ = vector.reset(seed=[7, None, 7, None])
    undisturbed, _ = other.reset()
    np.testing.assert_array_equal(observation[[1, 3]], undisturbed[[1, 3]])
    np.testing.assert_array_equal(observation[0], observation[2])


def test_unseeded_environments_differ():
    starts = [FamilyVectorEnv(64, **VARIANTS["terminating"]).reset()[0] for _ in range(2)]
    assert not np.array_equal(*starts)


def test_default_tasks_go_round():
    vector = FamilyVectorEnv(12, size=3)  # nothing is compiled before the first reset
    np.testing.assert_array_equal(vector._simulator.task_ids, [*range(9), 0, 1, 2])


def test_bad_arguments_are_refused():
    with pytest.raises(UnknownName, match='option of dark-room "sise"'):
        gymnasium.make_vec(ENVIRONMENT_ID, num_envs=2, sise=3)
    with pytest.raises(InvalidArgument, match="one entry for each of the num_envs = 2"):
        FamilyVectorEnv(2, task_ids=[0])
    with pytest.raises(InvalidArgument, match="one integer or 2, one for each environment, got 3"):
        FamilyVectorEnv(2).reset(seed=[1, 2, 3])


def test_stepping_an_ended_episode_is_refused():
    environment = FamilyEnv(task_id=40)
    environment.reset()
    for step in range(20):
        assert environment.step(0)[3] == (step == 19)
    with pytest.raises(InvalidArgument, match="1 of 1 wait for it"):
        environment.step(0)
