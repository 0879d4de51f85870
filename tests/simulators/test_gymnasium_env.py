"""The Gymnasium faces obey Gymnasium: checks, seeds, buffers, copies, wrappers, bad arguments."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from adfast import tasks
from adfast.errors import InvalidArgument, UnknownName
from adfast.simulators.gymnasium_env import FamilyEnv, FamilyVectorEnv, environment_id
from reference.dark_room import VARIANTS
from tasks.twins import CASES

ENVIRONMENT_ID = "adfast/DarkRoom-v0"
SMALL = {"size": 3, "episode_length": 6}
# Whose loops are compiled beside their twins, too.
KNOWN_VARIANTS = {name: name for name in tasks.names()} | {
    "bandit": "even",
    "frozen-lake": "firm",
    "water-maze": "near-walls",
}


def known_options(family):
    """Options of a family, and how long its episodes are."""
    options = CASES[family, KNOWN_VARIANTS[family]].options
    return options, tasks.make(family, **options).episode_length


@pytest.mark.parametrize("variant", ["dark-room", "terminating"])
def test_single_environment_passes_gymnasiums_checks(variant):
    check_env(gymnasium.make(ENVIRONMENT_ID, task_id=3, **VARIANTS[variant]).unwrapped)


@pytest.mark.parametrize("family", tasks.names())
def test_every_family_passes_gymnasiums_checks_and_is_made_in_every_way(family):
    name = environment_id(family)
    small, episode_length = known_options(family)
    check_env(gymnasium.make(name, task_id=5, **small).unwrapped)
    own = gymnasium.make_vec(
        name, num_envs=2, task_ids=[1, 1], **small
    )  # of the vector entry point
    assert isinstance(own, FamilyVectorEnv)
    assert own.spec.id == name
    synced = gymnasium.make_vec(
        name,
        num_envs=2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": "SameStep"},
        task_id=1,
        **small,
    )
    np.testing.assert_equal(own.reset(seed=0), synced.reset(seed=0))
    shape = (episode_length + 9, 2)
    for actions in np.random.default_rng(0).integers(own.single_action_space.n, size=shape):
        np.testing.assert_equal(own.step(actions)[:4], synced.step(actions)[:4])


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
    with pytest.raises(UnknownName, match='dark-room: unknown setting "sise"'):
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


@pytest.mark.parametrize("family", tasks.names())
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copy_goes_on_as_the_original_would(family, copied):
    vector = FamilyVectorEnv(6, family, autoreset_mode="NextStep", **known_options(family)[0])
    vector.reset(seed=3)
    actions = np.random.default_rng(0).integers(vector.single_action_space.n, size=(70, 6))
    for row in actions[:20]:  # in Dark Room, between an end and its reset
        vector.step(row)
    other = copied(vector)
    for row in actions[20:]:
        for mine, theirs in zip(vector.step(row), other.step(row), strict=True):
            np.testing.assert_equal(mine, theirs)


def test_arrays_are_the_callers_own_unless_asked_otherwise():
    actions = np.ones(3, int)
    own = FamilyVectorEnv(3, **SMALL)
    arrays = [own.reset(seed=0)[0], *own.step(actions)[:4]]
    before = [array.copy() for array in arrays]
    for _ in range(30):
        own.step(actions)
    np.testing.assert_equal(arrays, before)

    reused = FamilyVectorEnv(3, copy=False, **SMALL)
    observation, _ = reused.reset(seed=0)
    assert reused.step(actions)[0] is observation
    results = [reused.step(actions)[:4] for _ in range(2)]
    assert all(first is second for first, second in zip(*results, strict=True))


def test_reused_buffers_hold_what_own_arrays_would():
    vectors = [
        FamilyVectorEnv(7, copy=copy, autoreset_mode="NextStep", **SMALL) for copy in (True, False)
    ]
    np.testing.assert_equal(*(vector.reset(seed=0)[0] for vector in vectors))
    for row in np.random.default_rng(0).integers(5, size=(30, 7)):
        results = [vector.step(row) for vector in vectors]
        np.testing.assert_equal(*results)


def test_lent_final_observations_are_those_of_own_arrays_and_lent_again():
    options = SMALL | {"terminate_at_goal": True}
    own, lent = (FamilyVectorEnv(7, copy=copy, **options) for copy in (True, False))
    results = [vector.reset(seed=0) for vector in (own, lent)]
    rows_of_all = {}
    for step, actions in enumerate(np.random.default_rng(0).integers(5, size=(40, 7))):
        if step == 20:  # a copy lends its own
            lent = copy.deepcopy(lent)
        results = [vector.step(actions) for vector in (own, lent)]
        infos = [info for *_, info in results]
        assert infos[0].keys() == infos[1].keys()
        for index in np.flatnonzero(infos[0].get("_final_obs", [])):
            mine, theirs = (info["final_obs"][index] for info in infos)
            np.testing.assert_array_equal(mine, theirs)
            row = rows_of_all.setdefault((step < 20, index), theirs)
            assert row is theirs
            assert mine.base is not theirs.base
        if infos[0]:
            nothing = [[row is None for row in info["final_obs"]] for info in infos]
            np.testing.assert_array_equal(nothing, [~infos[0]["_final_obs"]] * 2)
    assert len(rows_of_all) == 14


@pytest.mark.parametrize("family", tasks.names())
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_vector_episode_statistics_are_those_of_single_ones(family, mode):
    small, episode_length = known_options(family)
    statistics = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        FamilyVectorEnv(2, family, autoreset_mode=mode, **small)
    )
    singles = [
        gymnasium.wrappers.RecordEpisodeStatistics(FamilyEnv(family, task_id, **small))
        for task_id in range(2)
    ]
    statistics.reset(seed=9)
    for i, single in enumerate(singles):
        single.reset(seed=9 + i)
    shape = (5 * episode_length + 10, 2)
    rows = np.random.default_rng(0).integers(statistics.single_action_space.n, size=shape)
    for actions in rows:
        statistics.step(actions)
    for i, single in enumerate(singles):
        is_over = False
        for action in rows[:, i]:
            if is_over:
                single.reset()
                is_over = False
                if mode == "NextStep":
                    continue
            is_over = any(single.step(action)[2:4])
    expected = sorted(float(r) for single in singles for r in single.return_queue)
    assert sorted(float(r) for r in statistics.return_queue) == expected
    lengths = sorted(length for single in singles for length in single.length_queue)
    assert sorted(statistics.length_queue) == lengths
    assert lengths[-1] == episode_length or family == "mixture"  # whose members have their own
    assert len(expected) >= 10


def test_wrappers_that_users_put_around():
    wrappers = gymnasium.wrappers.vector
    vector = wrappers.NormalizeReward(
        wrappers.RecordEpisodeStatistics(
            gymnasium.make_vec(ENVIRONMENT_ID, num_envs=3, autoreset_mode="NextStep", **SMALL)
        )
    )
    flat = wrappers.FlattenObservation(vector)
    observation, _ = flat.reset(seed=1)
    for _ in range(25):
        assert observation.shape == (3, 6)
        np.testing.assert_array_equal(observation.sum(axis=1), [2, 2, 2])  # row and column, one-hot
        observation, *_ = flat.step(flat.action_space.sample())

    single = gymnasium.wrappers.TimeLimit(gymnasium.make(ENVIRONMENT_ID, **SMALL), 4)
    single.reset(seed=0)
    assert [single.step(0)[3] for _ in range(4)] == [False] * 3 + [True]


def test_masked_reset_leaves_the_other_episodes_statistics_alone():
    statistics = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        FamilyVectorEnv(2, autoreset_mode="Disabled", **SMALL)
    )
    statistics.reset(seed=0)
    for _ in range(3):
        statistics.step(np.array([0, 0]))
    statistics.reset(options={"reset_mask": np.array([False, True])})
    for _ in range(3):
        *_, info = statistics.step(np.array([0, 0]))
    np.testing.assert_array_equal(info["_episode"], [True, False])
    assert info["episode"]["l"][0] == 6


def test_single_environment_works_in_asynchronous_processes():
    made = [lambda i=i: gymnasium.make(ENVIRONMENT_ID, task_id=i, **SMALL) for i in range(2)]
    vectors = [
        gymnasium.vector.AsyncVectorEnv(made, autoreset_mode="SameStep"),
        FamilyVectorEnv(2, **SMALL),
    ]
    np.testing.assert_equal(*(vector.reset(seed=4)[0] for vector in vectors))
    for actions in np.random.default_rng(0).integers(5, size=(25, 2)):
        np.testing.assert_equal(*(vector.step(actions)[:4] for vector in vectors))
    vectors[0].close()


@pytest.mark.parametrize("seed", [np.array(1), np.array(1.5), "1", [1, "2"], -1, True])
def test_seed_that_is_neither_an_integer_nor_one_for_each_is_refused(seed):
    environment = FamilyVectorEnv(2, "dark-room")
    with pytest.raises(InvalidArgument, match="seed must be"):
        environment.reset(seed=seed)


def test_autoreset_mode_is_quoted_on_one_line():
    mode = np.ma.masked_array([1, 2], [True, False])
    with pytest.raises(InvalidArgument, match=r"^autoreset_mode must be one of .*got .*$"):
        FamilyVectorEnv(2, "dark-room", autoreset_mode=mode)


def test_more_environments_than_a_vector_can_hold_are_refused_before_memory_is_taken():
    with pytest.raises(InvalidArgument, match=r"num_envs must be an integer in 1\.\."):
        FamilyVectorEnv(2**31 - 1, "dark-room")
