"""What fails while it is recorded costs no ended episode, and is said in words."""

import resource

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.errors import InvalidArgument, WriteError
from collection.traced_environment import TracedEnv, assert_history_is_trace, step_on


class Failing(TracedEnv):
    """Its thirtieth step raises, after it has done half of its work."""

    def step(self, action):
        if len(self.trace) == 29:
            self.trace.append(None)
            raise KeyboardInterrupt
        return super().step(action)


@pytest.mark.parametrize("is_vector", [False, True])
def test_failed_step_is_no_transition_and_ends_the_episode(tmp_path, is_vector):
    failing = Failing(seed=3)
    with Recorder(tmp_path) as recorder:
        vector = SyncVectorEnv([lambda: failing], autoreset_mode="Disabled")
        environment = recorder.wrap(vector if is_vector else failing)
        action = np.array([1]) if is_vector else 1
        environment.reset()
        with pytest.raises(KeyboardInterrupt):
            step_on(environment, action, 100)
        assert failing.episode_step > 0
        with pytest.raises(InvalidArgument, match=r"begun none since .* a step failed; call"):
            environment.step(action)
        del failing.trace[29:]
        failing.step = lambda action: TracedEnv.step(failing, action)
        environment.reset()
        step_on(environment, action, 30)
    assert len(failing.trace) == 59
    assert_history_is_trace(histories.open(tmp_path).history(0), failing, cut_off=[28])


@pytest.mark.parametrize("interrupted_at", ["observation", "reward", "is_transition"])
def test_interrupted_row_is_taken_back(tmp_path, interrupted_at):
    traced = TracedEnv()
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(traced)
        environment.reset()
        while any(environment.step(1)[2:4]):
            environment.reset()
        waiting = environment._log.recording._waiting
        whole = waiting[interrupted_at]
        waiting[interrupted_at] = whole.view(InterruptedRows)
        with pytest.raises(KeyboardInterrupt):
            environment.step(2)
        waiting[interrupted_at] = whole
        lost = traced.trace.pop()
        environment.reset()
        step_on(environment, 3, 40)
    cut_off = [] if lost[6] == 0 else [len(traced.trace) - 41]
    assert_history_is_trace(histories.open(tmp_path).history(0), traced, cut_off=cut_off)


class InterruptedRows(np.ndarray):
    def __setitem__(self, *_):
        raise KeyboardInterrupt


def test_full_disk_is_said_and_costs_no_ended_episode(tmp_path):
    traced = TracedEnv("images")
    recorder = Recorder(tmp_path)
    environment = recorder.wrap(traced)
    environment.reset()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))  # stands in for a full disk
    try:
        with pytest.raises(WriteError, match="cannot be written: File too large; free space"):
            step_on(environment, 1, 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert 200 < len(traced.trace) < 1000
    recorder.close()
    store = histories.open(tmp_path)
    recorded = len(store.history(0)["action"])
    assert recorded > max(t for t, row in enumerate(traced.trace[:-1]) if row[4] or row[5])
    del traced.trace[recorded:]
    assert_history_is_trace(store.history(0), traced)


def test_vector_of_processes_is_recorded_from_outside(tmp_path):
    made = [lambda seed=seed: gymnasium.make("CartPole-v1") for seed in range(2)]
    for name, vector in (("a", AsyncVectorEnv(made)), ("b", SyncVectorEnv(made))):
        with Recorder(tmp_path / name) as recorder:
            environment = recorder.wrap(vector, seed=np.arange(2))
            environment.reset(seed=3)
            for actions in np.random.default_rng(0).integers(2, size=(80, 2)):
                environment.step(actions)
            environment.close()
    first, second = (histories.open(tmp_path / name) for name in "ab")
    for index in range(2):
        np.testing.assert_equal(first.history(index), second.history(index))
        assert 70 < len(first.history(index)["action"]) < 80  # less the steps that only reset


def test_recorder_is_of_no_use_in_another_process(tmp_path):
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(TracedEnv())
        environment.reset()
        recorder._process += 1  # as a forked child sees it
        for use in (lambda: environment.step(1), environment.reset):
            with pytest.raises(InvalidArgument, match="wrap the vector environment, not the sing"):
                use()
        with pytest.raises(InvalidArgument, match="wrap the vector environment, not the single"):
            recorder.wrap(TracedEnv())
        recorder._process -= 1


def test_long_history_is_committed_from_its_files_not_from_memory(tmp_path, monkeypatch):
    traced = TracedEnv("images")
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(traced)
        environment.reset()
        step_on(environment, 1, 50)
        arrays = []
        append_block = histories.HistoryWriter.append_block

        def look(writer, number, fields, *arguments):
            arrays.append(fields)
            append_block(writer, number, fields, *arguments)

        monkeypatch.setattr(histories.HistoryWriter, "append_block", look)
        environment.close()
    (fields,) = arrays
    assert all(isinstance(rows, np.memmap) and rows.flags.c_contiguous for rows in fields.values())


def test_closed_recording_takes_nothing_more(tmp_path):
    traced = TracedEnv()
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(traced)
        environment.reset()
        environment.step(1)
    for use in (environment.reset, lambda: environment.step(1)):
        with pytest.raises(InvalidArgument, match=r"the recording has ended: .* wrap it"):
            use()
    assert len(histories.open(tmp_path).history(0)["action"]) == 1
