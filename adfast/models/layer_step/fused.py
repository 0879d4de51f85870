"""A layer's decode step in one launch: when it pays, and how it is started.

Imported on a CUDA device alone, since a machine without one may lack Triton.

Axes: N environments, W channels of the residual stream.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from adfast.attention import KeyValueCache
from adfast.models.config import ModelConfig
from adfast.models.layer_step.fused_kernel import fused_layer
from adfast.models.layers.block import Block
from adfast.models.layers.positions import Rotation

TILE = 8192  # numbers that a program of 256 threads holds of one matrix at once
LONGEST_SIDE = 128  # of a tile
NUM_WARPS = 8


def step_layer(
    block: Block,
    x: Tensor,
    cache: KeyValueCache,
    step: Tensor,
    start: Tensor,
    rotation: Rotation | None,
) -> Tensor:
    """The residual stream `[N, W]` after `block`; writes the new keys and values into `cache`.

    Equal to the block with `attention.decode` but for rounding: what lies between is float32.
    """
    config = block.config
    x = x.contiguous()
    out = torch.empty_like(x)
    unread = x  # in place of tensors that this variant has not
    cosine, sine = (unread, unread) if rotation is None else rotation
    with torch.cuda.device_of(x):  # kernels start on the current device
        fused_layer[(len(x),)](
            x,
            block.attention_norm.weight,
            block.query_key_value,
            block.attention_out,
            block.feed_forward_norm.weight,
            block.feed_forward_in,
            block.feed_forward_out,
            block.logit_scale if config.qk_norm else unread,
            cosine.contiguous(),
            sine.contiguous(),
            cache.keys,
            cache.values,
            step,
            start,
            out,
            *cache.keys.stride()[:3],
            cache.num_slots,
            config.feed_forward_width,
            config.attention_scale * math.log2(math.e),
            config.max_logit,
            **layer_options(config),
        )
    return out


def layer_options(config: ModelConfig) -> dict[str, int]:
    """The constants and launch options of a layer of `config`."""
    side = min(TILE // config.width, LONGEST_SIDE)
    rotated = {"rope": config.head_dim, "partial-rope": config.head_dim // 2}
    return {
        "W": config.width,
        "D": config.head_dim,
        "GROUP": config.num_heads // config.resolved_num_kv_heads,
        "PAIRS": rotated.get(config.position_encoding, 0) // 2,
        "PRE_NORM": config.norm == "pre",
        "QK_NORM": config.qk_norm,
        "BLOCK_N": side,
        "BLOCK_F": side,
        "num_warps": NUM_WARPS,
        "num_stages": 1,
        "enable_fp_fusion": True,  # Triton 3.10 turns it off by default
    }
