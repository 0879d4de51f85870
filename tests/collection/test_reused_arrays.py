"""An environment that returns one array again and again is recorded right, or refused."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import (
    AsyncVectorEnv,
    AutoresetMode,
    SyncVectorEnv,
    VectorEnv,
    VectorWrapper,
)
from gymnasium.vector.utils import batch_space

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.collection.reused_arrays import SUSPICIOUS_ENDS
from adfast.errors import InvalidArgument

SPACE = Box(0, 99, (1,), np.float32)
MODES = [mode.value for mode in AutoresetMode]
REFUSED = r"environment 0 returns one array again and again.*copy\(\).*autoreset_mode=\"NextStep\""


class Counting(gymnasium.Env):
    """Observes its steps in one array, `length` of them in an episode, from `first` on."""

    observation_space, action_space, max_episode_steps = SPACE, Discrete(2), 9

    def __init__(self, length=3, first=0, seen=None):
        self.length, self.first = length, first
        self.seen = np.zeros(1, np.float32) if seen is None else seen

    def reset(self, *, seed=None, options=None):
        self.seen[:] = self.first
        return self.seen, {}

    def step(self, action):
        self.seen += 1
        return self.seen, 1.0, bool(self.seen[0] == self.first + self.length), False, {}


class Copying(Counting):
    """The same in an array of its own each time."""

    def reset(self, *, seed=None, options=None):
        return super().reset()[0].copy(), {}

    def step(self, action):
        seen, *others = super().step(action)
        return (seen.copy(), *others)


def record(path, vector, num_steps=14):
    """What is recorded of each environment: (observation, next observation) of every step."""
    with Recorder(path) as recorder:
        environment = recorder.wrap(vector)
        environment.reset()
        for _ in range(num_steps):
            done = np.logical_or(*environment.step(np.zeros(vector.num_envs, int))[2:4])
            if vector.metadata["autoreset_mode"] is AutoresetMode.DISABLED and done.any():
                environment.reset(options={"reset_mask": done})
    store = histories.open(path)
    rows = []
    for index in range(store.num_histories):
        history = store.history(index)
        pairs = zip(history["observation"], history["next_observation"], strict=True)
        rows.append([(int(before[0]), int(after[0])) for before, after in pairs])
    return rows


def test_single_environment_may_use_its_array_again(tmp_path):
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(Counting())
        for _ in range(3):
            environment.reset()
            while not environment.step(1)[2]:
                pass
    history = histories.open(tmp_path).history(0)
    assert history["observation"][:, 0].tolist() == [0, 1, 2] * 3
    assert history["next_observation"][:, 0].tolist() == [1, 2, 3] * 3


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_vector_of_environments_that_use_their_arrays_again(tmp_path, mode, copy):
    vector = SyncVectorEnv([Counting, lambda: Copying(4)], autoreset_mode=mode, copy=copy)
    if mode == "SameStep":
        with pytest.raises(InvalidArgument, match=REFUSED):
            record(tmp_path, vector)
        # The step that was refused is not recorded, and nothing before it was wrong.
        assert histories.open(tmp_path).history(0)["next_observation"][:, 0].tolist() == [1, 2]
        return
    for rows, length in zip(record(tmp_path, vector), (3, 4), strict=True):
        assert rows == [(step % length, step % length + 1) for step in range(len(rows))]


class Doubling(VectorWrapper):
    """Returns arrays of its own."""

    def step(self, actions):
        seen, *others, info = self.env.step(actions)
        if "final_obs" in info:
            info["final_obs"][0] = info["final_obs"][0] * 2
        return (seen * 2, *others, info)


def test_reuse_is_seen_through_wrappers(tmp_path):
    vector = Doubling(SyncVectorEnv([Counting], autoreset_mode="SameStep"))
    with pytest.raises(InvalidArgument, match=REFUSED):
        record(tmp_path / "a", vector)
    vector = Doubling(SyncVectorEnv([Copying], autoreset_mode="SameStep"))
    assert record(tmp_path / "b", vector)[0][:4] == [(0, 2), (2, 4), (4, 6), (0, 2)]


@pytest.mark.parametrize("mode", MODES)
def test_environments_that_share_an_array_are_refused(tmp_path, mode):
    seen = np.zeros(1, np.float32)
    made = [lambda first=first: Counting(3, first, seen) for first in (0, 5)]
    with pytest.raises(InvalidArgument, match="environments 0 and 1 return the same array"):
        record(tmp_path, SyncVectorEnv(made, autoreset_mode=mode))
    assert not [*tmp_path.glob("block-*")]


class Constant(Counting):
    """A bandit: sees the same in every step, in an array that all of its kind share."""

    seen = np.zeros(1, np.float32)

    def __init__(self):
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        return self.seen, {}

    def step(self, action):
        self.steps += 1
        return self.seen, 1.0, self.steps % 2 == 0, False, {}


@pytest.mark.parametrize("mode", MODES)
def test_constant_that_is_shared_is_no_fault(tmp_path, mode):
    vector = SyncVectorEnv([Constant] * 2, autoreset_mode=mode)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        rows = record(tmp_path, vector)
    assert [set(pairs) for pairs in rows] == [{(0, 0)}, {(0, 0)}]
    assert len(said) == (mode == "SameStep")
    assert all("unless it is always the same" in str(warning.message) for warning in said)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # a fork beside threads
def test_reuse_in_other_processes_is_said(tmp_path):
    with pytest.warns(UserWarning, match=f"each of the first {SUSPICIOUS_ENDS} episodes ended"):
        record(tmp_path / "a", AsyncVectorEnv([Counting] * 2, autoreset_mode="SameStep"), 30)
    rows = record(tmp_path / "b", AsyncVectorEnv([Copying] * 2, autoreset_mode="SameStep"), 30)
    assert rows == [[(step % 3, step % 3 + 1) for step in range(30)]] * 2


class OneBuffer(VectorEnv):
    """A vector environment whose final observations lie in what it returns."""

    def __init__(self):
        self.num_envs = 2
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space, self.single_action_space = SPACE, Discrete(2)
        self.observation_space = batch_space(SPACE, 2)
        self.action_space = batch_space(Discrete(2), 2)
        self.max_episode_steps = 3
        self.seen = np.zeros((2, 1), np.float32)

    def reset(self, *, seed=None, options=None):
        self.seen[:] = 0
        return self.seen, {}

    def step(self, actions):
        self.seen += 1
        done = self.seen[:, 0] == 3
        self.seen[done] = 0
        return self.seen, np.ones(2), done, np.zeros(2, bool), {"final_obs": self.seen}


def test_final_observations_in_the_vectors_own_buffer_are_refused(tmp_path):
    with pytest.raises(InvalidArgument, match=REFUSED):
        record(tmp_path, OneBuffer())
