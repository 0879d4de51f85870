"""One layer of one decode step, as one kernel where that pays and operation by operation elsewhere.

The choice is made here and nowhere else, from shapes alone, so a step that is captured in a CUDA
graph keeps it. `docs/attention-kernel.md` derives the rule.

Axes: N environments, W channels of the residual stream.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from adfast.attention import KeyValueCache, decode, resolve_backend
from adfast.models.config import ModelConfig
from adfast.models.inspection import Show
from adfast.models.layers.block import Block
from adfast.models.layers.positions import Rotation

LARGEST_WIDTH = 128
SMALLEST_HEAD_DIM = 16  # as for the kernels of the attention
# What one program reads, a layer's weights and an environment's ring: 11.7 us at the 64 bytes per
# clock that a multiprocessor gets from the L2 cache, about what the launches that it saves cost.
PROGRAM_BYTES = 5 << 18
# What all programs read together, in about the same time at the 5.5 TB/s of the whole cache.
TOTAL_BYTES = 64 << 20


def step_layer(
    block: Block,
    x: Tensor,
    cache: KeyValueCache,
    step: Tensor,
    start: Tensor,
    rotation: Rotation | None,
    backend: str = "auto",
    show: Show | None = None,
) -> Tensor:
    """The residual stream `[N, W]` after `block`, in one step of each of N environments.

    The new keys and values are written into `cache`; `step`, `start` and `backend` are those of
    `attention.decode`. What the layer is to `show` keeps it from being one kernel.
    """
    fits = show is None and runs_triton(backend, block, x)
    if fits and prefers_fused(block.config, cache.window, len(x), x.element_size()):
        from adfast.models.layer_step import fused  # late: a machine without CUDA may lack Triton

        return fused.step_layer(block, x, cache, step, start, rotation)
    attend = partial(
        decode,
        cache=cache,
        step=step,
        start=start,
        scale=block.config.attention_scale,
        backend=backend,
    )
    stepped: Tensor = block(x, attend, rotation, show=show)
    return stepped


def runs_triton(backend: str, block: Block, x: Tensor) -> bool:
    """Whether `block` attends by our kernels for devices, of which the fused layer is one more."""
    head_dim = block.config.head_dim
    return x.is_cuda and resolve_backend(backend, "cuda", x.dtype, head_dim) == "triton"


def prefers_fused(
    config: ModelConfig, window: int | None, num_environments: int, element_bytes: int
) -> bool:
    """Whether a layer with an attention window of `window` tokens is stepped by one kernel.

    Shapes must be powers of two that fit its registers; and so few bytes read that they take less
    time than the launches that are saved.
    """
    width, head_dim = config.width, config.head_dim
    fits = (
        width <= LARGEST_WIDTH
        and width & (width - 1) == 0
        and head_dim >= SMALLEST_HEAD_DIM
        and head_dim & (head_dim - 1) == 0
        and element_bytes <= 4
    )
    if window is None or not fits:
        return False
    key_width = config.resolved_num_kv_heads * head_dim
    weights = 2 * width * (width + key_width + config.feed_forward_width)
    program_bytes = (weights + 2 * window * key_width) * element_bytes
    return program_bytes <= PROGRAM_BYTES and num_environments * program_bytes <= TOTAL_BYTES
