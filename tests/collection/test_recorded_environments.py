"""What cannot be recorded is refused before anything happens, and nothing is kept twice."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.errors import InvalidArgument, WriteError
from adfast.histories import recording
from collection.traced_environment import TracedEnv, assert_history_is_trace


class Pool(VectorEnv):
    """A stand-in for EnvPool: what it says of itself, and how it answers."""

    single_observation_space = observation_space = Discrete(9)
    single_action_space = action_space = Discrete(2)

    def __init__(self, num_envs=4, batch_size=4):
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.num_envs, self.batch_size = num_envs, batch_size
        self.config = {"num_envs": num_envs, "batch_size": batch_size, "max_episode_steps": 9}
        self.all_env_ids = np.arange(num_envs, dtype=np.int32)
        self.answering = self.all_env_ids[:batch_size]

    @property
    def is_async(self):
        return self.batch_size > 0 and self.num_envs != self.batch_size

    def send(self, actions, env_id=None):
        raise AssertionError("goes past the recorder")

    def recv(self):
        raise AssertionError("goes past the recorder")

    def reset(self, *, seed=None, options=None):
        return np.zeros(self.batch_size, int), {"env_id": self.answering}

    def step(self, actions, env_id=None):
        nothing = np.zeros(self.batch_size)
        return (
            np.ones(self.batch_size, int),
            nothing,
            nothing.astype(bool),
            nothing.astype(bool),
            {"env_id": self.answering},
        )


class SinglePool(gymnasium.Env):
    """What an EnvPool of earlier versions is."""

    observation_space, action_space = Discrete(9), Discrete(2)
    is_async = False
    all_env_ids = np.arange(4)


def test_asynchronous_pool_is_refused(tmp_path):
    with Recorder(tmp_path) as recorder:
        for pool in (Pool(4, 2), RecordEpisodeStatistics(Pool(4, 2))):
            with pytest.raises(
                InvalidArgument, match=r"asynchronous EnvPool, .*batch_size = num_e"
            ):
                recorder.wrap(pool)
        with pytest.raises(InvalidArgument, match=r"is many, but no gymnasium\.vector\.VectorEnv"):
            recorder.wrap(SinglePool())
    assert not any(tmp_path.iterdir())


def test_synchronous_pool_is_recorded_as_long_as_it_answers_for_all(tmp_path):
    pool = Pool()
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(pool)
        environment.reset()
        environment.step(np.zeros(4, int))
        pool.answering = pool.answering[::-1]
        with pytest.raises(InvalidArgument, match=r"all 4 environments in their order.*\[3, 2, 1"):
            environment.step(np.zeros(4, int))
    store = histories.open(tmp_path)
    assert store.num_histories == store.num_transitions == 4


def test_what_is_no_environment_is_refused(tmp_path):
    with Recorder(tmp_path) as recorder:
        for other in (None, TracedEnv, [TracedEnv()]):
            with pytest.raises(
                InvalidArgument, match=r"must be a gymnasium\.Env or a gymnasium\.v"
            ):
                recorder.wrap(other)


def test_environment_is_recorded_once_by_a_recorder(tmp_path):
    with Recorder(tmp_path / "a") as recorder, Recorder(tmp_path / "b") as other:
        traced = TracedEnv()
        once = recorder.wrap(traced)
        for again in (
            once,
            gymnasium.wrappers.TimeLimit(once, 3),
            SyncVectorEnv([lambda: once]),
            RecordEpisodeStatistics(SyncVectorEnv([lambda: once])),
            RecordEpisodeStatistics(recorder.wrap(SyncVectorEnv([TracedEnv]))),
        ):
            with pytest.raises(InvalidArgument, match="is recorded already"):
                recorder.wrap(again)
        both = other.wrap(once)
        both.reset()
        both.step(1)
        both.close()
    for name in "ab":
        assert histories.open(tmp_path / name).num_transitions == len(traced.trace) == 1


@pytest.mark.parametrize("mask", [np.array([1, 0]), np.array([True]), np.bool_(1)])
def test_mask_of_another_kind_is_refused_before_the_reset(tmp_path, mask):
    traced = [TracedEnv(seed=seed) for seed in range(2)]
    vector = SyncVectorEnv(
        [lambda single=single: single for single in traced], autoreset_mode="Disabled"
    )
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(vector)
        environment.reset()
        with pytest.raises(InvalidArgument, match=r"reset_mask.*bool of shape \(2,\)"):
            environment.reset(options={"reset_mask": mask})
        environment.step(np.ones(2, int))  # the episodes go on
    assert histories.open(tmp_path).num_transitions == 2


class FailingReset(TracedEnv):
    """Its reset fails when it is told to, halfway."""

    fails = False

    def reset(self, *, seed=None, options=None):
        super().reset()
        if self.fails:
            raise ZeroDivisionError
        return self.observation, {}


@pytest.mark.parametrize("is_vector", [False, True])
def test_failed_reset_is_no_beginning_and_ends_the_episode(tmp_path, is_vector):
    traced = FailingReset(seed=3)
    vector = SyncVectorEnv([lambda: traced], autoreset_mode="Disabled")
    action = np.array([1]) if is_vector else 1
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(vector if is_vector else traced)
        environment.reset()
        environment.step(action)
        assert traced.trace[-1][4:6] == (False, False)
        traced.fails = True
        with pytest.raises(ZeroDivisionError):
            environment.reset()
        traced.fails = False
        with pytest.raises(InvalidArgument, match="call reset"):
            environment.step(action)
        environment.reset()
        environment.step(action)
    assert_history_is_trace(histories.open(tmp_path).history(0), traced, cut_off=[0])


def test_closed_recorder_records_nothing_more(tmp_path):
    recorder = Recorder(tmp_path)
    environment = recorder.wrap(TracedEnv(seed=3))
    environment.reset()
    environment.step(1)
    recorder.close()
    recorder.close()
    environment.close()
    environment.close()
    with pytest.raises(InvalidArgument, match="was closed; make another one"):
        recorder.wrap(TracedEnv())
    with pytest.raises(InvalidArgument, match="the recording has ended"):
        environment.reset()
    with Recorder(tmp_path) as again:
        again.wrap(TracedEnv()).reset()
    assert histories.open(tmp_path).num_transitions == 1


@pytest.mark.parametrize("closes", ["environment", "recorder"])
def test_close_without_space_is_made_good_by_the_next_one(tmp_path, monkeypatch, closes):
    traced = [TracedEnv(seed=seed) for seed in (3, 4)]
    recorder = Recorder(tmp_path)
    recorded = [recorder.wrap(single) for single in traced]
    for environment in recorded:
        environment.reset()
        environment.step(1)
    write_rows = recording.write_rows

    def no_space(path, *arguments):
        if "recording-000000" in path:
            raise OSError(28, "No space left on device")
        write_rows(path, *arguments)

    monkeypatch.setattr(recording, "write_rows", no_space)
    close = recorder.close if closes == "recorder" else recorded[0].close
    with pytest.raises(WriteError, match="cannot be written: No space left"):
        close()
    monkeypatch.setattr(recording, "write_rows", write_rows)
    close()
    recorder.close()
    store = histories.open(tmp_path)
    order = [1, 0] if closes == "recorder" else [0, 1]  # as they were committed
    assert store.metadata["recording"].tolist() == order
    for index, number in enumerate(order):
        assert_history_is_trace(store.history(index), traced[number])


def test_environment_is_closed_even_if_its_history_cannot_be(tmp_path, monkeypatch):
    closed = []

    class Closed(TracedEnv):
        def close(self):
            closed.append(self)

    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(Closed())
        monkeypatch.setattr(recorder, "end", lambda log: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            environment.close()
        assert closed
        monkeypatch.undo()
