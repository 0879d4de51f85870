"""BatchedMuon is torch's Muon, all matrices of a shape at once."""

import pytest
import torch

from adfast.training.batched_muon import BatchedMuon, orthogonalise

SHAPES = [(64, 16), (16, 64), (16, 16), (64, 16), (48, 16), (16, 16)]
SETTINGS = {"lr": 0.02, "momentum": 0.95, "weight_decay": 0.1}


def parameters():
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def steps(optimizer, weights, num_steps=6):
    generator = torch.Generator().manual_seed(1)
    for _ in range(num_steps):
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=generator)
        optimizer.step()


def test_steps_are_those_of_torch():
    ours, theirs = parameters(), parameters()
    steps(BatchedMuon(ours, **SETTINGS), ours)
    steps(torch.optim.Muon(theirs, **SETTINGS), theirs)
    for start, our, their in zip(parameters(), ours, theirs, strict=True):
        moved = (their - start).norm()
        assert (our - their).norm() < 0.01 * moved  # both iterate in bfloat16


def test_state_is_that_of_torch():
    ours, theirs = parameters(), parameters()
    optimizers = BatchedMuon(ours, **SETTINGS), torch.optim.Muon(theirs, **SETTINGS)
    for optimizer, weights in zip(optimizers, (ours, theirs), strict=True):
        steps(optimizer, weights, 3)
    for our, their in zip(ours, theirs, strict=True):
        ours_kept, theirs_kept = optimizers[0].state[our], optimizers[1].state[their]
        assert ours_kept.keys() == theirs_kept.keys() == {"momentum_buffer"}
        torch.testing.assert_close(ours_kept["momentum_buffer"], theirs_kept["momentum_buffer"])


@pytest.mark.parametrize("shape", [(3, 8, 32), (3, 32, 8), (1, 16, 16)])
def test_singular_values_end_near_one(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    values = torch.linalg.svdvals(orthogonalise(matrices).float())
    assert values.shape == (shape[0], min(shape[1:]))
    assert (values > 0.3).all()
    assert (values < 1.4).all()
