"""When a layer's decode step is one kernel. What that kernel computes is tested in the interpreter,
beside the kernels of the attention.
"""

import pytest

from adfast.models.config import ModelConfig
from adfast.models.layer_step import prefers_fused


@pytest.mark.parametrize(
    ("settings", "window", "num_environments", "element_bytes", "fused"),
    [
        ({}, 200, 1, 2, True),
        ({}, 200, 64, 2, True),
        ({}, 200, 4096, 2, False),
        ({}, 16_384, 1, 2, False),  # many programs must share so long a ring
        ({}, None, 1, 2, False),
        ({"feed_forward_width": 2048}, 200, 8, 4, True),
        ({"width": 128, "feed_forward_width": 512}, 256, 64, 2, True),
        ({"width": 128, "feed_forward_width": 512}, 256, 256, 2, False),
        ({"width": 128, "feed_forward_width": 2048}, 200, 1, 2, True),
        ({"width": 128, "feed_forward_width": 2048}, 200, 1, 4, False),
        ({"width": 256}, 200, 1, 2, False),
        ({"width": 96}, 200, 1, 2, False),
        ({"num_heads": 8}, 200, 1, 2, False),  # heads of 8 are refused by attention, everywhere
        ({}, 200, 1, 8, False),
    ],
)
def test_small_models_in_few_environments_are_fused(
    settings, window, num_environments, element_bytes, fused
):
    config = ModelConfig(**settings)
    assert prefers_fused(config, window, num_environments, element_bytes) is fused


def test_shared_keys_leave_room_for_a_longer_ring():
    apart, shared = (ModelConfig(num_heads=4, num_kv_heads=heads) for heads in (4, 1))
    assert not prefers_fused(apart, 8192, 1, 2)
    assert prefers_fused(shared, 8192, 1, 2)
