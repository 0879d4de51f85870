import pytest
import torch

from adfast.models.config import ModelConfig
from adfast.models.layers.block import Block
from adfast.models.noise import Noise


def pass_values_on(q, k, v):
    return v


def test_a_fresh_block_passes_its_input_on():
    block = Block(ModelConfig(), torch.Generator().manual_seed(0))
    x = torch.randn(2, 5, 64)
    assert torch.equal(block(x, pass_values_on), x)


def test_post_norm_ends_in_a_normalised_stream():
    block = Block(ModelConfig(norm="post"), torch.Generator().manual_seed(0))
    out = block(3.0 * torch.randn(2, 5, 64), pass_values_on)
    torch.testing.assert_close(out.var(-1, correction=0), torch.ones(2, 5), rtol=1e-3, atol=0)


@pytest.mark.parametrize("probability", [0.2, 0.8])
def test_dropout_keeps_the_mean_and_drops_its_share(probability):
    block = Block(ModelConfig(dropout=probability), torch.Generator().manual_seed(0))
    dropped = block.drop(torch.ones(200, 200), Noise(torch.Generator().manual_seed(0)))
    assert float((dropped == 0).float().mean()) == pytest.approx(probability, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02)
