import math

import pytest
import torch

from adfast.models.config import ModelConfig
from adfast.models.layers.positions import rotate, rotation_at


def test_encodings_without_rotation_give_none():
    assert rotation_at(torch.arange(3), ModelConfig()) is None


@pytest.mark.parametrize(("encoding", "pairs"), [("rope", 16), ("partial-rope", 8)])
def test_angles_are_exact_at_a_million(encoding, pairs):
    cosine, sine = rotation_at(torch.tensor([1_000_003]), ModelConfig(position_encoding=encoding))
    assert cosine.shape == sine.shape == (1, 1, pairs)
    for pair in range(pairs):
        angle = 1_000_003 * 10_000.0 ** (-pair / pairs)
        assert abs(float(cosine[0, 0, pair]) - math.cos(angle)) < 1e-6
        assert abs(float(sine[0, 0, pair]) - math.sin(angle)) < 1e-6


@pytest.mark.parametrize("encoding", ["rope", "partial-rope"])
def test_products_depend_on_the_distance_alone(encoding):
    config = ModelConfig(position_encoding=encoding)
    q, k = torch.randn(2, 1, 1, 32, generator=torch.Generator().manual_seed(0))

    def product(at_q, at_k):
        rotated_q = rotate(q, rotation_at(torch.tensor([at_q]), config))
        rotated_k = rotate(k, rotation_at(torch.tensor([at_k]), config))
        return float((rotated_q * rotated_k).sum())

    assert product(10, 3) == pytest.approx(product(1_000_010, 1_000_003), abs=1e-5)
    assert product(10, 3) != pytest.approx(product(10, 4), abs=1e-3)
