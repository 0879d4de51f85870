"""What an update costs is measured, and its memory is flat over contexts beyond the window."""

import numpy as np
import pytest

from adfast import Run
from adfast.models.config import ModelConfig
from adfast.training.config import TrainingConfig
from adfast.training.step_cost import peak_bytes, seconds_per_transition

MODEL = ModelConfig(num_layers=2, width=16, num_heads=1, feed_forward_width=32, attention_window=16)
LENGTHS = (512, 1024, 2048)
TOKENS = 2048


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    settings = {
        "family.options.size": 5,
        "collection.episodes": 110,
        "collection.keep_every": 1,
        "collection.histories_per_task": 1,
        "collection.held_out": 4,
        "collection.validation": 1,
        "collection.threads": 1,
    }
    run = Run.create("dark-room", tmp_path_factory.mktemp("cost") / "run", settings, progress=False)
    run.collect()
    return run.histories


def training(length):
    return TrainingConfig(context_length=length, batch_size=TOKENS // length)


def test_memory_of_an_update_is_flat_over_contexts_beyond_the_window(histories):
    peaks = [peak_bytes(histories, MODEL, training(length), 0) for length in LENGTHS]
    assert max(peaks) < 1.1 * min(peaks)


def test_memory_grows_with_the_transitions_of_an_update(histories):
    one, four = (
        peak_bytes(histories, MODEL, TrainingConfig(context_length=512, batch_size=rows), 0)
        for rows in (1, 4)
    )
    assert 2 < four / one < 4.1


def test_time_is_that_of_a_transition_and_nothing_is_left(histories, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    seconds = seconds_per_transition(histories, MODEL, training(512), 0)
    assert 0 < seconds < 1e-3
    assert np.isfinite(seconds)
    assert not list(tmp_path.iterdir())
