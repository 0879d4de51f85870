"""Whether two runs came to the same, whatever happened on the way."""

import json

import torch

from adfast.models.checkpoint import read_tensors
from adfast.training.checkpoints.checkpoints import newest_checkpoint


def assert_same_results(run, expected):
    tensors, _ = read_tensors(newest_checkpoint(run / "checkpoints"))
    for name, tensor in read_tensors(newest_checkpoint(expected / "checkpoints"))[0].items():
        assert torch.equal(tensors[name], tensor), name
    one, two = (json.loads((path / "evaluation.json").read_text()) for path in (run, expected))
    assert one == two
