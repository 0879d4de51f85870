"""What a user's loop returns is recorded as it is, or refused; what is refused is in no history."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.errors import InvalidArgument

PIXELS = Box(0, 255, (2,), np.uint8)
REALS = Box(-np.inf, np.inf, (2,), np.float32)
COUNTED = MultiDiscrete([4, 3], start=[0, 5])


class Scripted(gymnasium.Env):
    """Returns whatever it is told to."""

    action_space = Discrete(3, start=1)

    def __init__(self, space, first):
        self.observation_space, self.first = space, first
        self.script = []

    def reset(self, *, seed=None, options=None):
        return self.first, {}

    def step(self, action):
        return (*self.script.pop(0), {})


FIRST = {id(PIXELS): [1.0, 255], id(REALS): [0.5, -1], id(COUNTED): [3, 7]}


def recorded(tmp_path, space):
    recorder = Recorder(tmp_path / "store", episode_length=50)
    scripted = Scripted(space, np.array(FIRST[id(space)]))
    environment = recorder.wrap(scripted)
    environment.reset()
    return recorder, environment, scripted


@pytest.mark.parametrize(
    ("space", "step", "message"),
    [
        (PIXELS, ([300.0, 1], 0, False, False), r"observation\[0\] must be integers in 0\.\.255, "),
        (PIXELS, ([1, -1], 0, False, False), r"observation\[1\] must be .* got -1"),
        (PIXELS, ([0.5, 1], 0, False, False), r"observation\[0\] must be .* got 0\.5"),
        (PIXELS, ([np.nan, 1], 0, False, False), r"observation\[0\] must be .* got nan"),
        (PIXELS, ([1, 2, 3], 0, False, False), r"observation must have shape \(1, 2\), got \(1, 3"),
        (REALS, ([np.inf, 1], 0, False, False), r"observation\[0\] must be finite in float32"),
        (
            REALS,
            ([1e300, 1], 0, False, False),
            r"observation\[0\] must be finite in float32, got 1",
        ),
        (REALS, (None, 0, False, False), "observation must be numbers, got object"),
        (REALS, (["a", "b"], 0, False, False), "observation must be numbers, got <U1"),
        (REALS, ([[1], [2, 3]], 0, False, False), "observation must be an array of numbers"),
        (REALS, ([1j, 1], 0, False, False), "observation must be numbers, got complex"),
        (COUNTED, ([4, 5], 0, False, False), r"observation\[0\] must be in 0\.\.3 .* got 4 in"),
        (COUNTED, ([0, 4], 0, False, False), r"observation\[1\] must be in 5\.\.7 .* got 4 in"),
        (COUNTED, ([0, 5.5], 0, False, False), r"observation\[1\] must be integers .* got 5\.5"),
        (COUNTED, ([2**63, 5.0], 0, False, False), r"observation\[0\] must be integers"),
        (COUNTED, ([0], 0, False, False), r"observation must have shape \(1, 2\), got \(1, 1\)"),
        (REALS, ([1, 1], np.nan, False, False), "reward must be finite in float32, got nan"),
        (REALS, ([1, 1], -1e39, False, False), "reward must be finite in float32, got -1e"),
        (REALS, ([1, 1], np.arange(3), False, False), r"reward must be one number, .* \(3,\)"),
        (REALS, ([1, 1], None, False, False), "reward must be numbers, got object"),
        (REALS, ([1, 1], "1", False, False), "reward must be numbers, got <U1"),
        (REALS, ([1, 1], 0, 2, False), "terminated must be true or false, got 2"),
        (REALS, ([1, 1], 0, False, None), "truncated must be numbers, got object"),
        (REALS, ([1, 1], 0, [True, False], False), "terminated must be one number"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_in_no_history(tmp_path, space, step, message):
    recorder, environment, scripted = recorded(tmp_path, space)
    good = (np.array(FIRST[id(space)]), 1, False, False)
    scripted.script = [good, step]
    environment.step(2)
    with pytest.raises(InvalidArgument, match="^" + message):
        environment.step(1)
    with pytest.raises(InvalidArgument, match=r"call reset\(\) first"):  # the step was taken
        environment.step(1)
    environment.reset()
    scripted.script = [good]
    environment.step(3)
    recorder.close()
    (history,) = (histories.open(tmp_path / "store").history(0),)
    assert history["action"].tolist() == [1, 2]
    assert history["boundary"].tolist() == [2, 0]
    assert history["reward"].tolist() == [1, 1]


@pytest.mark.parametrize("action", [0, 4, 1.0, "1", None, [1, 2], np.nan, 2**70, -1])
def test_action_that_is_none_reaches_no_environment(tmp_path, action):
    recorder, environment, scripted = recorded(tmp_path, PIXELS)
    scripted.script = [([1, 2], 0.5, np.False_, 0)]
    with recorder, pytest.raises(InvalidArgument, match=r"^action must be "):
        environment.step(action)
    assert len(scripted.script) == 1


def test_what_holds_without_loss_is_kept(tmp_path):
    recorder, environment, scripted = recorded(tmp_path, PIXELS)
    scripted.script = [
        (np.array([255.0, 0.0]), np.array([[2.5]]), np.False_, 0),
        ([1, True], np.float64(1 / 3), 0.0, np.int8(1)),
    ]
    environment.step(np.array(1))
    environment.step(np.int64(3))
    recorder.close()
    history = histories.open(tmp_path / "store").history(0)
    assert history["next_observation"].tolist() == [[255, 0], [1, 1]]
    assert history["reward"].tolist() == [2.5, np.float32(1 / 3)]
    assert history["boundary"].tolist() == [0, 2]


@pytest.mark.parametrize("shape", [(16, 17, 3), (16, 16, 1), (16, 16), (2, 16, 16, 3)])
def test_frame_of_another_shape_is_refused_and_in_no_history(tmp_path, shape):
    space = Box(0, 255, (16, 16, 3), np.uint8)
    frames = [np.full((16, 16, 3), number, np.uint8) for number in range(4)]
    scripted = Scripted(space, frames[0])
    recorder = Recorder(tmp_path / "store", episode_length=50)
    environment = recorder.wrap(scripted)
    environment.reset()
    going_on = [(frame, 1, False, False) for frame in frames[1:]]
    scripted.script = [going_on[0], (np.zeros(shape, np.uint8), 0, False, False), *going_on[1:]]
    environment.step(1)
    with pytest.raises(InvalidArgument, match=r"observation must have shape \(1, 16, 16, 3\), got"):
        environment.step(1)
    environment.reset()
    environment.step(1)
    environment.step(1)
    recorder.close()
    history = histories.open(tmp_path / "store").history(0)
    assert history["observation"][:, 0, 0, 0].tolist() == [0, 0, 2]
    assert history["next_observation"][:, 0, 0, 0].tolist() == [1, 2, 3]
    assert history["boundary"].tolist() == [2, 0, 0]


class ScriptedVector(VectorEnv):
    """Two environments that return whatever they are told to."""

    def __init__(self, mode):
        self.num_envs, self.metadata = 2, {"autoreset_mode": mode}
        self.single_observation_space, self.single_action_space = REALS, Discrete(2)
        self.observation_space = batch_space(REALS, 2)
        self.action_space = batch_space(self.single_action_space, 2)
        self.script = []

    def reset(self, *, seed=None, options=None):
        return self.script.pop(0), {}

    def step(self, actions):
        return self.script.pop(0)


ZEROS, NAN = np.zeros((2, 2)), np.array([[np.nan, 0], [0, 0]])
NO, END = np.zeros(2, bool), np.array([True, False])


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ((NAN, [0, 0], NO, NO, {}), r"observation\[0\] must be finite .* in environment 0"),
        ((ZEROS, [0, np.inf], NO, NO, {}), "reward must be finite .* got inf in environment 1"),
        ((ZEROS, [0, 0, 0], NO, NO, {}), r"reward must have shape \(2,\), got \(3,\)"),
        ((ZEROS[:1], [0, 0], NO, NO, {}), r"observation must have shape \(2, 2\), got \(1, 2\)"),
        ((ZEROS, [0, 0], [0, 2], NO, {}), "terminated must be true or false, got 2 in .* 1"),
        ((ZEROS, [0, 0], NO, NO[:1], {}), r"truncated must have shape \(2,\), got \(1,\)"),
        ((ZEROS, [0, 0], END, NO, {}), r"must return info\[\"final_obs\"\]"),
        ((ZEROS, [0, 0], END, NO, {"final_obs": ZEROS[:1]}), r"must return info\[\"final_obs\"\]"),
        ((ZEROS, [0, 0], END, NO, {"final_obs": NAN}), r"observation\[0\] must be finite"),
        ((ZEROS, [0, 0], END, NO, {"final_obs": [[1], [1, 2]]}), "observation must have shape"),
    ],
)
def test_vector_that_returns_what_cannot_be_kept_is_refused(tmp_path, step, message):
    vector = ScriptedVector(AutoresetMode.SAME_STEP)
    with Recorder(tmp_path, episode_length=9) as recorder:
        environment = recorder.wrap(vector)
        vector.script = [ZEROS, (ZEROS, [1, 2], NO, NO, {}), step]
        environment.reset()
        environment.step([0, 1])
        with pytest.raises(InvalidArgument, match=message):
            environment.step([1, 0])
    store = histories.open(tmp_path)
    assert [store.history(n)["reward"].tolist() for n in range(2)] == [[1], [2]]


def test_what_only_resets_or_is_not_reset_is_not_read(tmp_path):
    vector = ScriptedVector(AutoresetMode.NEXT_STEP)
    with Recorder(tmp_path, episode_length=9) as recorder:
        environment = recorder.wrap(vector)
        vector.script = [
            ZEROS,
            (ZEROS, [1, 2], END, NO, {}),
            (ZEROS, [np.nan, 3], NO, NO, {}),
            NAN,
            (ZEROS, [4, 5], NO, NO, {}),
        ]
        environment.reset()
        environment.step([0, 1])
        environment.step([0, 1])
        environment.reset(options={"reset_mask": ~END})
        environment.step([0, 1])
        with pytest.raises(InvalidArgument, match=r"reset_mask\"\] must be bool of shape \(2,\)"):
            environment.reset(options={"reset_mask": [1, 0]})
    store = histories.open(tmp_path)
    assert [store.history(n)["reward"].tolist() for n in range(2)] == [[1, 4], [2, 3, 5]]


def test_recorder_says_what_it_holds(tmp_path):
    recorder, environment, _ = recorded(tmp_path, PIXELS)
    assert repr(recorder).startswith(
        f"<Recorder into {str(tmp_path / 'store')!r}: 1 open recordings; TransitionSchema("
    )
    environment.close()
    recorder.close()


@pytest.mark.parametrize("value", [True, 0, -1, 2.5, "9", 2**31, np.nan])
def test_episode_length_that_is_no_count_is_refused(tmp_path, value):
    with pytest.raises(InvalidArgument, match="episode_length must be an integer"):
        Recorder(tmp_path / "store", episode_length=value)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "value",
    [np.arange(3), np.array([1, 2j]), np.array([1, np.nan]), np.array([2**63, 0], np.uint64)],
)
def test_metadata_that_cannot_be_kept_is_refused(tmp_path, value):
    with Recorder(tmp_path, episode_length=9) as recorder:
        with pytest.raises(InvalidArgument, match='metadata "rate" must be'):
            recorder.wrap(ScriptedVector(AutoresetMode.SAME_STEP), rate=value)
        assert repr(recorder).count("0 open recordings") == 1
