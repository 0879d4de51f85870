"""Training from a live ring: a function of its settings, whatever kills it meanwhile."""

import random

import pytest

from adfast.models.checkpoint import read_tensors
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.training.metrics import read_metrics
from killed_process import Worker
from pipeline.live_training import TRAINING, train

KILLS = 4


def outcome(directory):
    """What a training leaves, less the times that it took."""
    tensors, metadata = read_tensors(newest_checkpoint(directory / "checkpoints"))
    rows = read_metrics(directory / "metrics.jsonl")
    for times in (metadata["training"], *rows):
        del times["seconds"], times["waiting_seconds"]
    return {name: tensor.tolist() for name, tensor in tensors.items()}, metadata, rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole")
    Worker(train).run(directory, {"threads": 1})
    return outcome(directory)


def test_killed_live_training_equals_uninterrupted_one(tmp_path, whole):
    worker = Worker(train)
    moments = random.Random(1)
    last = 0
    for _ in range(KILLS):
        acknowledged = worker.run(
            tmp_path,
            {"threads": moments.randint(1, 3)},
            kill_after=moments.randint(1, 3),
            delay=moments.uniform(0, 0.02),
        )
        saved = read_tensors(newest_checkpoint(tmp_path / "checkpoints"))[1]["training"]["update"]
        assert last <= acknowledged[-1] <= saved
        last = acknowledged[-1]
    assert 0 < last < TRAINING.updates  # all kills came in the middle
    worker.run(tmp_path, {"threads": 2})
    assert outcome(tmp_path) == whole
