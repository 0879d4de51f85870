"""What a recorder writes is what happened, in every kind of environment, whatever ends it."""

import copy

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.errors import InUse, InvalidArgument
from adfast.histories import recording
from adfast.simulators.gymnasium_env import FamilyEnv, FamilyVectorEnv
from collection.traced_environment import (
    LONGEST,
    SPACES,
    TracedEnv,
    assert_history_is_trace,
    step_on,
)


def run_single(environment, random, num_steps):
    """Steps with random actions and resets; the rows after which an episode was given up."""
    cut_off, is_over = [], True
    trace = environment.unwrapped.trace
    for _ in range(num_steps):
        gives_up = random.random() < 0.03
        if gives_up and not is_over and environment.unwrapped.episode_step > 0:
            cut_off.append(len(trace) - 1)
        if is_over or gives_up:
            environment.reset()
        _, _, terminated, truncated, _ = environment.step(random.integers(1, 4))
        is_over = terminated or truncated
    return cut_off


@pytest.mark.parametrize("space", SPACES)
def test_history_of_a_single_environment_is_what_happened(tmp_path, space):
    traced = TracedEnv(space)
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(traced, task_id=3, algorithm="mine")
        assert environment.observation_space == traced.observation_space
        cut_off = run_single(environment, np.random.default_rng(0), 200)
    store = histories.open(tmp_path)
    assert store.verify() > 0
    assert_history_is_trace(store.history(0), traced, cut_off=cut_off)
    assert cut_off
    assert store.metadata["task_id"].tolist() == [3]
    assert store.metadata["algorithm"].tolist() == ["mine"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock",
        "block-000000.safetensors",
        "manifest.json",
    ]


def run_vector(environment, mode, random, num_steps):
    """Random steps and resets as a caller of `mode` makes them; rows of given up episodes."""
    singles = [single.unwrapped for single in environment.unwrapped.envs]
    cut_off = [[] for _ in singles]
    done = np.zeros(len(singles), bool)
    environment.reset(seed=0)
    for _ in range(num_steps):
        mask = random.random(len(singles)) < 0.03
        if mode is AutoresetMode.DISABLED:
            mask |= done
        elif random.random() < 0.02:
            mask[:] = True
        if mask.any():
            for e in np.flatnonzero(mask & ~done):
                if singles[e].episode_step > 0:
                    cut_off[e].append(len(singles[e].trace) - 1)
            everywhere = bool(mask.all())
            environment.reset(options=None if everywhere else {"reset_mask": mask})
        *_, terminated, truncated, _ = environment.step(random.integers(1, 4, len(singles)))
        done = terminated | truncated
    return cut_off


@pytest.mark.parametrize("mode", AutoresetMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("space", ["discrete", "floats", "images"])
def test_histories_of_a_vector_environment_are_what_happened(tmp_path, monkeypatch, space, mode):
    monkeypatch.setattr(recording, "BLOCK_BYTES", 1)  # a block for each history
    made = [lambda seed=seed: TracedEnv(space, seed) for seed in range(4)]
    vector = SyncVectorEnv(made, autoreset_mode=mode, copy=False, observation_mode="different")
    singles = [single.unwrapped for single in vector.envs]
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(vector, task_id=np.arange(4) * 10, algorithm="ppo")
        cut_off = run_vector(environment, mode, np.random.default_rng(1), 150)
    store = histories.open(tmp_path)
    assert store.verify() > 0
    assert store.num_histories == 4
    assert store.metadata["task_id"].tolist() == [0, 10, 20, 30]
    assert store.metadata["environment"].tolist() == [0, 1, 2, 3]
    for e, single in enumerate(singles):
        assert_history_is_trace(store.history(e), single, cut_off=cut_off[e])
        assert len(single.trace) <= 150
    assert any(cut_off)


@pytest.mark.parametrize("mode", AutoresetMode, ids=lambda mode: mode.value)
def test_a_family_records_the_same_singly_and_in_a_vector(tmp_path, mode):
    options = {"size": 3, "episode_length": 6}
    actions = np.random.default_rng(0).integers(5, size=(50, 3))
    vector = FamilyVectorEnv(3, autoreset_mode=mode, copy=False, **options)
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(vector)
        environment.reset(seed=5)
        done = np.zeros(3, bool)
        for row in actions:
            if mode is AutoresetMode.DISABLED and done.any():
                environment.reset(options={"reset_mask": done})
            elif mode is AutoresetMode.NEXT_STEP and done.any():
                environment.step(row)
            *_, terminated, truncated, _ = environment.step(row)
            done = terminated | truncated
        for e in range(3):
            single = recorder.wrap(FamilyEnv(task_id=e, **options))
            single.reset(seed=5 + e)
            for action in actions[:, e]:
                if any(single.step(action)[2:4]):
                    single.reset()
            single.close()
    store = histories.open(tmp_path)
    for e in range(3):
        assert len(store.history(e)["action"]) == 50
        np.testing.assert_equal(store.history(3 + e), store.history(e))


def test_runs_accumulate_and_every_history_says_where_it_is_from(tmp_path):
    traced = []
    for run in range(3):
        with Recorder(tmp_path) as recorder:
            for seed in range(2):
                traced.append(TracedEnv("floats", 10 * run + seed))
                environment = recorder.wrap(traced[-1], task_id=run, seed=seed)
                run_single(environment, np.random.default_rng(seed), 30)
                if seed == 0:
                    environment.close()
                    environment.close()
    store = histories.open(tmp_path)
    assert store.num_histories == 6
    assert store.metadata["task_id"].tolist() == [0, 0, 1, 1, 2, 2]
    assert store.metadata["seed"].tolist() == [0, 1] * 3
    assert store.metadata["recording"].tolist() == list(range(6))
    assert not store.metadata["is_interrupted"].any()
    for index, environment in enumerate(traced):
        assert len(store.history(index)["action"]) == len(environment.trace)


def test_histories_open_at_the_same_time_keep_apart(tmp_path):
    with Recorder(tmp_path) as recorder:
        traced = [TracedEnv("images", seed) for seed in range(3)]
        recorded = [recorder.wrap(environment, seed=i) for i, environment in enumerate(traced)]
        random = np.random.default_rng(0)
        for environment in recorded:
            environment.reset()
        for _ in range(60):
            environment = recorded[random.integers(3)]
            if any(environment.step(1)[2:4]):
                environment.reset()
    store = histories.open(tmp_path)
    for index, environment in enumerate(traced):
        assert_history_is_trace(store.history(index), environment)


class Paid(TracedEnv):
    """Every step pays `reward`."""

    reward = -1.0

    def step(self, action):
        observation, _, *ends = super().step(action)
        return observation, self.reward, *ends


def test_whole_rewards_are_kept_in_a_byte_where_that_is_asked_for(tmp_path):
    with pytest.raises(InvalidArgument, match=r'reward_dtype must be one of uint8, .* "int64"'):
        Recorder(tmp_path, reward_dtype="int64")
    with Recorder(tmp_path, reward_dtype="int8") as recorder:
        environment = recorder.wrap(Paid())
        run_single(environment, np.random.default_rng(0), 40)
        environment.unwrapped.reward = 0.5
        environment.reset()
        with pytest.raises(
            InvalidArgument, match=r"got 0\.5 in environment 0 as .* int8 is; .* a wider one"
        ):
            environment.step(1)
    with Recorder(tmp_path) as recorder:  # goes on as the store was begun
        step_on(recorder.wrap(Paid()), 1, 0)
    rewards = histories.open(tmp_path).history(0)["reward"]
    assert rewards.dtype == np.int8
    assert rewards.tolist() == [-1] * 40
    with (
        Recorder(tmp_path, reward_dtype="float32") as recorder,
        pytest.raises(InvalidArgument, match=r"holds histories of .*int8.* record it into another"),
    ):
        recorder.wrap(Paid())


def test_nothing_recorded_leaves_no_history(tmp_path):
    with Recorder(tmp_path) as recorder:
        recorder.wrap(TracedEnv()).reset()
        used = recorder.wrap(TracedEnv())
        used.reset()
        used.step(1)
    assert histories.open(tmp_path).num_histories == 1


def test_what_was_recorded_before_an_exception_is_kept(tmp_path):
    def fails():
        with Recorder(tmp_path) as recorder:
            run_single(recorder.wrap(TracedEnv()), np.random.default_rng(0), 50)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert len(histories.open(tmp_path).history(0)["action"]) == 50


def test_unlike_environments_are_refused(tmp_path):
    with Recorder(tmp_path) as recorder:
        run_single(recorder.wrap(TracedEnv("floats")), np.random.default_rng(0), 5)
        with pytest.raises(InvalidArgument, match="record it into another folder"):
            recorder.wrap(TracedEnv("doubles"))
    with (
        Recorder(tmp_path, episode_length=LONGEST + 1) as recorder,
        pytest.raises(InvalidArgument, match="record it into another folder"),
    ):
        recorder.wrap(TracedEnv("floats"))
    with Recorder(tmp_path), pytest.raises(InUse, match="another writer"):
        Recorder(tmp_path)


class Unspecified(TracedEnv):
    def __init__(self):
        super().__init__()
        self.spec = None


def test_episodes_need_a_limit_and_keep_it(tmp_path):
    with Recorder(tmp_path / "a") as recorder:
        with pytest.raises(InvalidArgument, match="episode_length must be given"):
            recorder.wrap(Unspecified())
        with pytest.raises(InvalidArgument, match="episode_length must be given"):
            recorder.wrap(SyncVectorEnv([Unspecified]))
    with Recorder(tmp_path / "b", episode_length=2) as recorder:
        environment = recorder.wrap(Unspecified())
        environment.unwrapped.random = np.random.default_rng(1)  # whose first episodes are long
        environment.reset()
        assert not any(environment.step(1)[2:4] + environment.step(1)[2:4])
        with pytest.raises(InvalidArgument, match="episode_length is 2 steps, and an episode is"):
            environment.step(1)


@pytest.mark.parametrize(
    ("observation_space", "action_space", "message"),
    [
        (Dict({"a": Discrete(2)}), Discrete(2), r"must be Discrete, .*FlattenObservation"),
        (Discrete(2), Box(-1.0, 1.0), "action_space must be Discrete of at most 255 actions"),
        (Discrete(2), Discrete(300), "action_space must be Discrete of at most 255 actions"),
        (Discrete(70000), Discrete(2), "sizes of a discrete observation must be at most 65536"),
    ],
)
def test_spaces_that_cannot_be_kept_are_refused(tmp_path, observation_space, action_space, message):
    environment = TracedEnv()
    environment.observation_space, environment.action_space = observation_space, action_space
    with Recorder(tmp_path) as recorder, pytest.raises(InvalidArgument, match=message):
        recorder.wrap(environment)


def test_misuse_is_refused(tmp_path):
    with Recorder(tmp_path) as recorder:
        with pytest.raises(InvalidArgument, match="metadata must not be named recording"):
            recorder.wrap(TracedEnv(), recording=3)
        with pytest.raises(InvalidArgument, match="must be a JSON value"):
            recorder.wrap(TracedEnv(), made_by=object())
        environment = recorder.wrap(TracedEnv())
        with pytest.raises(InvalidArgument, match="environment 0 has begun none"):
            environment.step(1)
        environment.reset()
        with pytest.raises(InvalidArgument, match=r"action must be in 1\.\.3 as .* got 0"):
            environment.step(0)
        while not any(environment.step(1)[2:4]):
            pass
        with pytest.raises(InvalidArgument, match="begun none since the last one ended"):
            environment.step(1)
        with pytest.raises(InvalidArgument, match="cannot be copied"):
            copy.deepcopy(recorder)
        vector = SyncVectorEnv([TracedEnv])
        vector.metadata.pop("autoreset_mode")
        with pytest.raises(InvalidArgument, match=r"must be one of gymnasium\.vector\.Autoreset"):
            recorder.wrap(vector)
    with histories.create(tmp_path / "other", histories.open(tmp_path).schema) as writer:
        assert writer.next_block == 0
    with pytest.raises(InvalidArgument, match="holds histories that no recorder wrote"):
        Recorder(tmp_path / "other")


def test_limit_of_a_wrapper_is_recorded_as_truncation(tmp_path):
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(TimeLimit(gymnasium.make("CartPole-v1"), 5))
        for seed in range(3):
            environment.reset(seed=seed)
            for _ in range(5):
                environment.step(0)
    history = histories.open(tmp_path).history(0)
    assert history["boundary"].tolist() == [0, 0, 0, 0, 2] * 3
    assert history["episode_step"].tolist() == [0, 1, 2, 3, 4] * 3
    assert history["observation"].dtype == np.float32
    inside = history["boundary"][:-1] == 0
    np.testing.assert_array_equal(
        history["next_observation"][:-1][inside], history["observation"][1:][inside]
    )
