"""A layer's decode step in one kernel computes what the block and `decode` compute."""

from functools import partial

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from adfast.attention import KeyValueCache, decode
from adfast.models import transformer
from adfast.models.layer_step import fused
from adfast.models.layers.positions import rotation_at
from models.model_cases import input_at, random_histories, small_model

SHAPES = {
    "default": {"width": 32, "num_heads": 2},
    "rope": {"width": 32, "num_heads": 2, "position_encoding": "rope"},
    "partial rope, qk-norm": {
        "width": 32,
        "num_heads": 1,
        "position_encoding": "partial-rope",
        "qk_norm": True,
    },
    "shared keys": {"width": 64, "num_heads": 4, "num_kv_heads": 2, "qk_norm": True},
    "one key head, post-norm": {
        "width": 64,
        "num_heads": 4,
        "num_kv_heads": 1,
        "norm": "post",
        "position_encoding": "rope",
    },
    "several tiles": {"width": 128, "num_heads": 2, "feed_forward_width": 200},
}
# Of three environments: far beyond one round of the ring, reset just now, in the first round.
STEPS, STARTS = [1000, 37, 3], [0, 37, 0]


def filled_cache(config, window, dtype, steps, starts):
    """A ring of random tokens; those that must not be read are NaN."""
    cache = KeyValueCache(
        len(steps), config.resolved_num_kv_heads, config.head_dim, window, dtype=dtype
    )
    generator = torch.Generator().manual_seed(1)
    for held in (cache.keys, cache.values):
        held.copy_(torch.randn(held.shape, generator=generator))
        for environment, (step, start) in enumerate(zip(steps, starts, strict=True)):
            visible = {t % window for t in range(max(start, step - window + 1), step)}
            for slot in set(range(window)) - visible:
                held[environment, :, slot] = torch.nan
    return cache


def double_cache(cache):
    """The same tokens in float64, for the processor."""
    exact = KeyValueCache(*cache.keys.shape[:2], cache.keys.shape[3], cache.window)
    exact.keys, exact.values = cache.keys.double(), cache.values.double()
    return exact


@torch.no_grad()
@pytest.mark.parametrize(
    ("shape", "window", "dtype"),
    [
        ("default", 7, torch.float32),
        ("default", 1, torch.float32),
        ("rope", 7, torch.bfloat16),
        ("partial rope, qk-norm", 16, torch.float32),
        ("shared keys", 150, torch.float32),
        ("one key head, post-norm", 7, torch.float32),
        ("several tiles", 70, torch.float32),
        ("several tiles", 70, torch.float16),
    ],
)
def test_fused_layer_computes_the_block(shape, window, dtype):
    model = small_model(**SHAPES[shape], max_logit=2.0)
    block, config = model.blocks[0].to(dtype), model.config
    for name in ("attention_norm", "feed_forward_norm"):
        torch.nn.init.normal_(getattr(block, name).weight, 1.0, 0.3)
    if config.qk_norm:
        assert bool((block.logit_scale > config.max_logit).all())
    exact_block = small_model(**SHAPES[shape], max_logit=2.0).blocks[0].double()
    exact_block.load_state_dict(block.state_dict())
    cache = filled_cache(config, window, dtype, STEPS, STARTS)
    exact_cache = double_cache(cache)
    step, start = torch.tensor(STEPS), torch.tensor(STARTS)
    for _ in range(2):
        x = torch.randn(len(STEPS), config.width).to(dtype)
        rotation = rotation_at(step, config)
        attend = partial(
            decode, cache=exact_cache, step=step, start=start, scale=config.attention_scale
        )
        expected = exact_block(x.double(), attend, rotation)
        out = fused.step_layer(block, x, cache, step, start, rotation)
        tolerance = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}[dtype]
        torch.testing.assert_close(out.double(), expected, atol=tolerance, rtol=tolerance)
        written = step % window
        for ours, right in ((cache.keys, exact_cache.keys), (cache.values, exact_cache.values)):
            environment = torch.arange(len(STEPS))
            new = ours[environment, :, written].double()
            torch.testing.assert_close(
                new, right[environment, :, written], atol=tolerance, rtol=tolerance
            )
            right[environment, :, written] = new  # both go on from the rounded token
        step = step + 1


def test_only_the_slot_of_the_step_is_written():
    model = small_model(**SHAPES["shared keys"])
    cache = KeyValueCache(2, 2, 16, 4)
    step = torch.tensor([5, 2])
    fused.step_layer(model.blocks[0], torch.randn(2, 64), cache, step, step, None)
    for written in (cache.keys, cache.values):
        for environment, slot in ((0, 1), (1, 2)):
            assert bool(written[environment, :, slot].all())
        assert written.count_nonzero() == 2 * 2 * 16


@torch.no_grad()
def test_streaming_equals_the_forward_pass_with_resets_and_many_rounds(monkeypatch):
    settings = SHAPES["rope"] | {"num_layers": 2, "attention_window": [5, 3], "qk_norm": True}
    model = small_model(**settings).eval()
    batch, length = random_histories(2, 10), 10
    fuse = fused.step_layer
    monkeypatch.setattr(transformer, "step_layer", lambda *layer: fuse(*layer[:6]))
    cache, logits = model.new_cache(2), []
    for t in range(length):
        cache.reset(torch.tensor([False, t == 6]))
        logits.append(model.step(input_at(batch, t, cache), cache))
    starts = torch.zeros(2, length, dtype=torch.int32)
    starts[1, 6:] = 6
    expected = model({**batch, "document_start": starts})
    torch.testing.assert_close(torch.stack(logits, dim=1), expected, rtol=0, atol=1e-4)


class Operations(TorchDispatchMode):
    """The torch operations that are carried out, by name, and the launches of `fused_layer`."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **kwargs or {})

    def __getitem__(self, grid):
        self.names.append(f"fused_layer{grid}")
        return lambda *args, **options: None


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_a_layer_is_one_launch(shape, monkeypatch):
    model = small_model(**SHAPES[shape], attention_window=7)
    block, x, cache = model.blocks[0], torch.randn(2, model.config.width), model.new_cache(2)
    rotation = rotation_at(cache.step, model.config)
    with Operations() as operations:
        monkeypatch.setattr(fused, "fused_layer", operations)
        fused.step_layer(block, x, cache.layers[0], cache.step, cache.start, rotation)
    allocations = {"empty_like", "detach"}
    assert [name for name in operations.names if name not in allocations] == ["fused_layer(2,)"]
