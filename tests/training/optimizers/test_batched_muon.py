"""BatchedMuon is torch's Muon, all matrices of a shape at once."""

import pytest
import torch

from adfast.training.optimizers.batched_muon import BatchedMuon, orthogonalise

SHAPES = [(96, 24), (24, 96), (24, 24), (96, 24), (72, 24), (24, 24)]
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


def test_steps_in_bfloat16_are_those_of_torch_bit_for_bit():
    ours, theirs = parameters(), parameters()
    steps(BatchedMuon(ours, **SETTINGS), ours)
    steps(torch.optim.Muon(theirs, **SETTINGS), theirs)
    assert all(map(torch.equal, ours, theirs))


def test_steps_in_float32_differ_by_the_rounding_of_bfloat16():
    ours, theirs = parameters(), parameters()
    steps(BatchedMuon(ours, **SETTINGS, precision=torch.float32), ours)
    steps(torch.optim.Muon(theirs, **SETTINGS), theirs)
    for start, our, their in zip(parameters(), ours, theirs, strict=True):
        moved = (their - start).norm()
        assert 0 < (our - their).norm() < 0.05 * moved


def test_float32_orthogonalises_as_float64_does():
    matrices = torch.randn(3, 16, 24, generator=torch.Generator().manual_seed(3))
    found = orthogonalise(matrices, torch.float32)
    assert found.dtype == torch.float32
    exact = orthogonalise(matrices.double(), torch.float64)
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=2e-5)


def test_state_is_that_of_torch():
    ours, theirs = parameters(), parameters()
    optimizers = BatchedMuon(ours, **SETTINGS), torch.optim.Muon(theirs, **SETTINGS)
    for optimizer, weights in zip(optimizers, (ours, theirs), strict=True):
        steps(optimizer, weights, 3)
    for our, their in zip(ours, theirs, strict=True):
        ours_kept, theirs_kept = optimizers[0].state[our], optimizers[1].state[their]
        assert ours_kept.keys() == theirs_kept.keys() == {"momentum_buffer"}
        torch.testing.assert_close(ours_kept["momentum_buffer"], theirs_kept["momentum_buffer"])


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shape", [(3, 8, 32), (3, 32, 8), (1, 16, 16)])
def test_singular_values_end_near_one(shape, precision):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    values = torch.linalg.svdvals(orthogonalise(matrices, precision).float())
    assert values.shape == (shape[0], min(shape[1:]))
    assert (values > 0.3).all()
    assert (values < 1.4).all()
