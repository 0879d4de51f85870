"""In every autoreset mode the vector environment is Gymnasium's own vector of single ones."""

from importlib import import_module

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from adfast import tasks
from adfast.simulators.gymnasium_env import FamilyEnv, FamilyVectorEnv, environment_id
from adfast.tasks.catalogue import FAMILIES
from tasks.twins import FURTHER

# Each family's twin goes by the stem of its file.
TWINS = {name: import_module(f"reference.{name.replace('-', '_')}") for name in FAMILIES.shipped}
NUM_ENVS = 4
# The modes know nothing of families: one is drawn in several options, the others in one, of those
# whose loops other tests compile too.
VARIANTS = {name: set(twin.VARIANTS) for name, twin in TWINS.items()}
COMPILED = {
    name: {one for one in names if (name, one) not in FURTHER} for name, names in VARIANTS.items()
}
ONE = {name: {max(names & {"terminating"} or names)} for name, names in COMPILED.items()}
DRAWN = ONE | {"dark-room": COMPILED["dark-room"]}
FURTHER = {name: names - DRAWN[name] for name, names in VARIANTS.items()}
IN_THE_SUITE = ("dark-room", "frozen-lake", "water-maze")  # plain, with random steps, of pictures
ROWS = [
    *(
        pytest.param(
            name,
            DRAWN[name],
            id=name,
            marks=() if name in IN_THE_SUITE else pytest.mark.thorough,
        )
        for name in TWINS
    ),
    *(
        pytest.param(name, names, id=f"{name}, further", marks=pytest.mark.thorough)
        for name, names in FURTHER.items()
        if names
    ),
]


def pair(family, options, mode, *, twin=False):
    """The vector environment, and Gymnasium's of single ones (or of twins)."""
    task_ids = (np.arange(NUM_ENVS) % tasks.make(family, **options).num_tasks).tolist()
    vector = gymnasium.make_vec(
        environment_id(family),
        num_envs=NUM_ENVS,
        vectorization_mode="vector_entry_point",
        task_ids=task_ids,
        autoreset_mode=mode,
        **options,
    )

    def single(task_id):
        if twin:
            twin_class = f"{FAMILIES.find(family).__name__}ReferenceEnv"
            return getattr(TWINS[family], twin_class)(task_id=task_id, **options)
        return FamilyEnv(family, task_id, **options)

    synced = SyncVectorEnv(
        [lambda task_id=task_id: single(task_id) for task_id in task_ids], autoreset_mode=mode
    )
    return vector, synced


def assert_infos_equal(info, expected):
    assert info.keys() == expected.keys()
    for key, value in expected.items():
        if key == "final_obs":
            assert [x is None for x in info[key]] == [x is None for x in value]
            for a, b in zip(info[key], value, strict=True):
                np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_equal(info[key], value)


def assert_equal_results(result, expected):
    *arrays, info = result
    *expected_arrays, expected_info = expected
    for array, expectation in zip(arrays, expected_arrays, strict=True):
        assert array.dtype == expectation.dtype
        np.testing.assert_array_equal(array, expectation)
    assert_infos_equal(info, expected_info)


def reset_both(pair, seed, mask=None):
    # The options are made anew: Gymnasium's environment takes the mask out of them.
    vector, synced = pair
    options = [None if mask is None else {"reset_mask": mask.copy()} for _ in pair]
    result = vector.reset(seed=seed, options=options[0])
    assert_equal_results(result, synced.reset(seed=seed, options=options[1]))
    assert mask is None or options[0].keys() == {"reset_mask"}


def run_both(pair, mode, random, num_steps):
    """`num_steps` random steps, and resets in between; how many episodes ended."""
    vector, synced = pair
    ended = 0
    done = np.zeros(NUM_ENVS, bool)
    for _ in range(num_steps):
        if mode == AutoresetMode.DISABLED and done.any():
            mask = done | (random.random(NUM_ENVS) < 0.2)
            reset_both(pair, random.choice([None, int(random.integers(99))]), mask)
        elif random.random() < 0.02:
            mask = random.random(NUM_ENVS) < 0.5
            reset_both(pair, [5, None, 7, None], mask if mask.any() else None)
        actions = random.integers(vector.single_action_space.n, size=NUM_ENVS)
        result = vector.step(actions)
        assert_equal_results(result, synced.step(actions))
        done = result[2] | result[3]
        ended += int(done.sum())
    return ended


@pytest.mark.parametrize("mode", AutoresetMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("family", "names"), ROWS)
def test_vector_environment_equals_sync_vector_of_single_ones(family, names, mode):
    variants = TWINS[family].VARIANTS

    @settings(max_examples=4 if len(names) == 1 else 12)
    @given(
        variant=st.sampled_from(sorted(names)),
        twin=st.booleans(),
        seed=st.one_of(st.integers(0, 2**31), st.lists(st.integers(0, 99), min_size=4, max_size=4)),
        choices=st.integers(0, 2**31),
    )
    def holds(variant, twin, seed, choices):
        both = pair(family, variants[variant], mode, twin=twin)
        assert both[0].metadata["autoreset_mode"] is mode
        assert both[0].single_observation_space == both[1].single_observation_space
        assert both[0].observation_space == both[1].observation_space
        assert both[0].action_space == both[1].action_space
        reset_both(both, seed)
        num_steps = 2 * both[0].family.episode_length + 5
        ended.append(run_both(both, mode, np.random.default_rng(choices), num_steps))

    ended = []
    holds()
    assert sum(ended) >= len(ended)


def test_next_step_transition_after_an_end_is_none():
    vector = FamilyVectorEnv(2, autoreset_mode="NextStep", size=3, episode_length=4)
    start, _ = vector.reset(seed=0)
    for _ in range(4):
        observation, *_, truncated, _ = vector.step(np.array([2, 1]))
    assert truncated.all()
    assert not np.array_equal(observation, start)
    observation, reward, terminated, truncated, info = vector.step(np.array([2, 1]))
    np.testing.assert_array_equal(observation, start)
    assert np.sum([reward, terminated, truncated]) == 0
    assert info == {}


def test_disabled_refuses_to_step_an_ended_episode():
    vector = FamilyVectorEnv(2, autoreset_mode="Disabled", size=3, episode_length=1)
    vector.reset(seed=0)
    vector.step(np.array([0, 0]))
    vector.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(ValueError, match=r"1 of 2 wait for it \(first: 1\)"):
        vector.step(np.array([0, 0]))
