"""A recording process that is killed loses the episode it was in, and nothing else."""

import time

import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.durable import discard
from adfast.errors import StoreError
from adfast.histories import recording
from collection.traced_environment import TracedEnv, assert_history_is_trace
from killed_process import Worker

ACTIONS = np.random.default_rng(0).integers(1, 4, size=(3000, 2))
MOST_ACKNOWLEDGED = 200  # fewer steps than there are actions, however late the process is killed


class Pause:
    """Acknowledges, and waits to be killed when it has done so often enough."""

    def __init__(self, acknowledge):
        self.acknowledge, self.left = acknowledge, MOST_ACKNOWLEDGED

    def __call__(self, counts):
        self.acknowledge(counts)
        self.left -= 1
        if self.left == 0:
            time.sleep(600)


def record_single_until_killed(acknowledge, path):
    record_single(Pause(acknowledge), path, len(ACTIONS))


def record_vector_until_killed(acknowledge, path):
    record_vector(Pause(acknowledge), path, len(ACTIONS))


def record_single(acknowledge, path, num_steps):
    """Acknowledges the number of transitions whenever an episode has ended."""
    traced = TracedEnv()
    with Recorder(path) as recorder:
        environment = recorder.wrap(traced, seed=0)
        environment.reset()
        for action in ACTIONS[:num_steps, 0]:
            if any(environment.step(action)[2:4]):
                acknowledge([len(traced.trace)])
                environment.reset()


def record_vector(acknowledge, path, num_steps):
    """The same for two environments, each with its own count."""
    made = [lambda seed=seed: TracedEnv("large images", seed=seed) for seed in range(2)]
    vector = SyncVectorEnv(made)
    singles = [single.unwrapped for single in vector.envs]
    counts = [0, 0]
    with Recorder(path) as recorder:
        environment = recorder.wrap(vector, seed=np.arange(2))
        environment.reset()
        for actions in ACTIONS[:num_steps]:
            *_, terminated, truncated, _ = environment.step(actions)
            done = terminated | truncated
            if done.any():
                counts = [
                    len(single.trace) if ended else count
                    for single, ended, count in zip(singles, done, counts, strict=True)
                ]
                acknowledge(counts)


def uninterrupted(work, tmp_path):
    """The histories of all steps, in a store of their own."""
    path = tmp_path / "whole"
    work(lambda _: None, path, len(ACTIONS))
    store = histories.open(path)
    return [store.history(index) for index in range(store.num_histories)]


@pytest.mark.parametrize(
    ("work", "until_killed"),
    [(record_single, record_single_until_killed), (record_vector, record_vector_until_killed)],
    ids=["single", "vector"],
)
def test_every_whole_episode_survives(work, until_killed, tmp_path):
    expected = uninterrupted(work, tmp_path)
    worker = Worker(until_killed)
    random = np.random.default_rng(0)
    for trial in range(4):
        path = tmp_path / str(trial)
        acknowledged = worker.run(
            path, kill_after=int(random.integers(1, 60)), delay=random.random() * 0.01
        )
        with Recorder(path):
            pass
        store = histories.open(path)
        assert store.metadata["is_interrupted"].all()
        for index, environment in enumerate(store.metadata["environment"]):
            history = store.history(index)
            length = len(history["action"])
            assert length >= acknowledged[-1][environment] > 0
            assert history["boundary"][-1] != 0
            for name, rows in history.items():
                np.testing.assert_array_equal(rows, expected[environment][name][:length])
        work(lambda _: None, path, 40)  # the next run goes on behind it
        after = histories.open(path)
        assert after.num_histories == store.num_histories + len(expected)
        assert after.metadata["is_interrupted"].sum() == store.num_histories


@pytest.mark.parametrize("survivors", [0, 1, 2, 3])
def test_interrupted_commit_is_finished_without_doubles(tmp_path, monkeypatch, survivors):
    monkeypatch.setattr(recording, "BLOCK_BYTES", 1)  # a block for each history
    singles = [TracedEnv(seed=seed) for seed in range(3)]
    vector = SyncVectorEnv([lambda single=single: single for single in singles])
    append_block = histories.HistoryWriter.append_block

    def stop(*_):
        raise KeyboardInterrupt

    def append_some(writer, *arguments):
        if len(writer.finished_blocks) == survivors:
            stop()
        append_block(writer, *arguments)

    monkeypatch.setattr(histories.HistoryWriter, "append_block", append_some)
    monkeypatch.setattr(recording, "discard", stop)
    recorder = Recorder(tmp_path)
    environment = recorder.wrap(vector, seed=np.arange(3))
    environment.reset()
    for action in ACTIONS[:100, 0]:
        environment.step(np.full(3, action))
    with pytest.raises(KeyboardInterrupt):
        recorder.close()
    monkeypatch.setattr(histories.HistoryWriter, "append_block", append_block)
    monkeypatch.setattr(recording, "discard", discard)
    with Recorder(tmp_path):
        pass
    store = histories.open(tmp_path)
    assert store.metadata["environment"].tolist() == [0, 1, 2]
    assert not store.metadata["is_interrupted"].any()  # a recording that had ended is whole
    for index, single in enumerate(singles):
        assert_history_is_trace(store.history(index), single)
    assert not recording.recording_folders(tmp_path)


def test_recording_that_had_not_begun_leaves_nothing(tmp_path):
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(TracedEnv())
        environment.reset()
        environment.step(1)
    (tmp_path / "recording-000007").mkdir()
    (tmp_path / "recording-000007" / "action").touch()
    with Recorder(tmp_path):
        assert not recording.recording_folders(tmp_path)
    assert histories.open(tmp_path).num_histories == 1


def test_damaged_recording_says_what_to_do(tmp_path):
    with Recorder(tmp_path) as recorder:
        recorder.wrap(TracedEnv()).reset()
    folder = tmp_path / "recording-000003"
    folder.mkdir()
    (folder / "recording.json").write_text("{")
    with pytest.raises(StoreError, match="delete the folder to give the recording up"):
        Recorder(tmp_path)
    folder.rename(tmp_path / "aside")
    with Recorder(tmp_path) as recorder:  # nothing keeps the store locked
        assert recorder.path == tmp_path
