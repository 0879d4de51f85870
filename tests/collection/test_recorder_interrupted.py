"""Interrupted or failing at any line, a recorder loses no step that returned and invents none."""

import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

from adfast import histories
from adfast.collection import episode_log, recorded_environments, recorder, reused_arrays
from adfast.collection.recorder import Recorder
from adfast.histories import recorded_next_items, recording
from collection.interrupted_lines import interruption
from collection.traced_environment import TracedEnv, encoded

MODULES = [episode_log, recorded_environments, recorder, reused_arrays, recording]
MODULES += [recorded_next_items]
KINDS = ["single", "NextStep", "SameStep", "Disabled"]
NUM_STEPS = 250


class Played:
    """Traced environments of one kind that are recorded, and what was told of each one's steps."""

    def __init__(self, recorder, kind, space="floats"):
        self.kind = kind
        count = 1 if kind == "single" else 2
        self.singles = [TracedEnv(space, seed=seed) for seed in range(count)]
        if kind == "single":
            self.environment = recorder.wrap(self.singles[0])
        else:
            made = [lambda single=single: single for single in self.singles]
            self.environment = recorder.wrap(SyncVectorEnv(made, autoreset_mode=kind))
        self.returned_rows = [set() for _ in self.singles]  # of the traces: their steps returned
        self.done = np.ones(len(self.singles), bool)

    def reset(self):
        self.environment.reset()
        self.done[:] = False

    def step(self):
        before = [len(single.trace) for single in self.singles]
        if self.kind == "single":
            *_, terminated, truncated, _ = self.environment.step(1)
        else:
            if self.kind == "Disabled" and self.done.any():
                self.environment.reset(options={"reset_mask": self.done.copy()})
            *_, terminated, truncated, _ = self.environment.step(np.ones(2, int))
        self.done = np.atleast_1d(terminated) | np.atleast_1d(truncated)
        for rows, first, single in zip(self.returned_rows, before, self.singles, strict=True):
            rows.update(range(first, len(single.trace)))
        if self.kind == "single" and self.done.all():
            self.reset()


def assert_rows_are_steps(history, single, returned):
    """The history's rows are steps of the trace in order, all that `returned` among them."""
    rows = {row[2]: number for number, row in enumerate(single.trace)}  # rewards are unlike
    kept = [rows[float(reward)] for reward in history["reward"]]
    assert kept == sorted(set(kept))
    assert returned <= set(kept)
    space = single.observation_space
    for t, number in enumerate(kept):
        before, action, _, after, terminated, _, episode_step = single.trace[number]
        np.testing.assert_array_equal(history["observation"][t], encoded(space, before))
        np.testing.assert_array_equal(history["next_observation"][t], encoded(space, after))
        assert history["action"][t] == action - 1
        assert history["episode_step"][t] == episode_step
        goes_on = t + 1 < len(kept) and history["episode_step"][t + 1] > 0
        if goes_on:  # nothing is missing in the middle of an episode
            assert kept[t + 1] == number + 1
        boundary = 1 if terminated else 2
        assert history["boundary"][t] == (0 if goes_on else boundary) or t + 1 == len(kept)


@pytest.mark.parametrize(
    ("error", "space"), [(KeyboardInterrupt, "large images"), (ZeroDivisionError, "floats")]
)
@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_anywhere_while_recording(tmp_path, kind, error, space):
    random = np.random.default_rng(KINDS.index(kind))
    num_interruptions = 0
    with Recorder(tmp_path) as recorder:
        played = Played(recorder, kind, space)
        must_reset = True
        for _ in range(NUM_STEPS):
            try:
                with interruption(MODULES, lambda: random.random() < 0.003, error):
                    if must_reset:
                        played.reset()
                        must_reset = False
                    played.step()
            except error:
                num_interruptions += 1
                must_reset = True
    assert num_interruptions > 10
    store = histories.open(tmp_path)
    store.verify()
    for index, single in enumerate(played.singles):
        assert_rows_are_steps(store.history(index), single, played.returned_rows[index])
        kept = len(store.history(index)["action"])
        assert len(played.returned_rows[index]) <= kept <= len(single.trace)


@pytest.mark.parametrize(
    ("goes_on", "space"), [("same recorder", "floats"), ("next recorder", "large images")]
)
@pytest.mark.parametrize("kind", ["single", "SameStep"])
def test_interrupted_anywhere_while_closing(tmp_path, monkeypatch, kind, goes_on, space):
    monkeypatch.setattr(recording, "BLOCK_BYTES", 1)  # a block for each history
    line, was_interrupted = 0, True
    while was_interrupted:
        line += 5
        path = tmp_path / str(line)
        recorder = Recorder(path)
        played = Played(recorder, kind, space)
        played.reset()
        for _ in range(5):
            played.step()
        was_interrupted = close_until(recorder, line)
        folders = recording.recording_folders(path)
        is_finished = all((folder / recording.FINISHED_NAME).exists() for folder in folders)
        if was_interrupted and goes_on == "same recorder":
            recorder.close()
        elif was_interrupted:
            recorder._writer is None or recorder._writer.close()  # as the process's end does
            Recorder(path).close()
        store = histories.open(path)
        assert not recording.recording_folders(path)
        for index, single in enumerate(played.singles):
            is_whole = is_finished or goes_on == "same recorder"
            if is_whole or index < store.num_histories:
                returned = played.returned_rows[index] if is_whole else set()
                assert_rows_are_steps(store.history(index), single, returned)
    assert line > 50


def close_until(recorder, num_lines):
    """Close `recorder`, interrupted after so many lines; whether it was."""
    left = iter(range(num_lines))
    try:
        with interruption(MODULES, lambda: next(left, None) is None, KeyboardInterrupt):
            recorder.close()
    except KeyboardInterrupt:
        return True
    return False
