"""One layer of one decode step in one kernel: one program per environment.

A model that acts in few environments spends its time on starting kernels: a layer of torch
operations is ten and more. This one computes what `block.Block` defines, from the residual stream
to the residual stream, and keeps everything between in registers as float32; only the new key and
value are rounded, to the dtype of the ring that they are written into.

Matrices are multiplied with one vector, tile by tile, off the tensor cores: an environment's
program reads each weight once. Attention keeps a softmax per head and slot of a tile, as in
`attention/triton/decode_single.py`, all heads side by side; heads that share keys read them each.

Axes: N environments, W channels of the residual stream, F of the feed-forward network, H query
heads, G query heads per key head, S slots of the ring, D channels per head.
"""

from __future__ import annotations

import triton
import triton.language as tl

from adfast.attention.triton.ring import slot_offset

SQRT_HALF = tl.constexpr(0.7071067811865476)
NORM_EPSILON = tl.constexpr(1e-5)  # of torch.nn.LayerNorm
LEAST_LENGTH = tl.constexpr(1e-12)  # of torch.nn.functional.normalize


@triton.jit
def layer_norm(x, weight, channel, W: tl.constexpr):
    """`x [W]` with mean 0 and variance 1, times `weight`."""
    centred = x - tl.sum(x, 0) / W
    variance = tl.sum(centred * centred, 0) / W
    return centred * tl.rsqrt(variance + NORM_EPSILON) * tl.load(weight + channel).to(tl.float32)


@triton.jit
def matrix_vector(matrix, row, x, channel, W: tl.constexpr):
    """The products of `x [W]` with the rows `row` of `matrix [.., W]`."""
    tile = tl.load(matrix + row[:, None] * W + channel[None, :])
    return tl.sum(tile.to(tl.float32) * x[None, :], 1)


@triton.jit
def unit_length(heads):
    """`heads [H, D]`, each row divided by its length."""
    length = tl.sqrt(tl.sum(heads * heads, 1))
    return heads / tl.maximum(length, LEAST_LENGTH)[:, None]


@triton.jit
def rotated(heads, cosine, sine, H: tl.constexpr, D: tl.constexpr, PAIRS: tl.constexpr):
    """`heads [H, D]` with channels i and i + PAIRS turned by their angle; `cosine [PAIRS]`."""
    channel = tl.arange(0, D)
    is_first = channel < PAIRS
    is_turned = channel < 2 * PAIRS
    pair = channel % PAIRS
    partner = tl.where(is_first, channel + PAIRS, tl.where(is_turned, channel - PAIRS, channel))
    across = tl.gather(heads, tl.zeros([H, D], tl.int32) + partner[None, :], 1)
    cosine = tl.load(cosine + pair, mask=is_turned, other=1.0)
    sine = tl.load(sine + pair, mask=is_turned, other=0.0)
    return heads * cosine[None, :] + across * tl.where(is_first, -sine, sine)[None, :]


@triton.jit
def fused_layer(
    x,  # [N, W], contiguous: the residual stream
    attention_norm,  # [W]
    query_key_value,  # [(H + 2 H / G) D, W], contiguous like all matrices
    attention_out,  # [W, W]
    feed_forward_norm,  # [W]
    feed_forward_in,  # [F, W]
    feed_forward_out,  # [W, F]
    head_scale,  # [H]; not read without QK_NORM
    cosine,  # float32 [N, PAIRS], contiguous; not read if PAIRS is 0
    sine,
    keys,  # [N, H / G, S, D], the slot of `step` is written
    values,
    step,  # int64 [N]
    start,  # int64 [N]
    out,  # [N, W], contiguous, written: the residual stream after the layer
    cache_stride_n,
    cache_stride_h,
    cache_stride_s,
    num_slots,
    feed_forward_width,  # F
    logit_factor,  # the scale of the logits, times log2(e)
    max_logit,  # of QK_NORM
    W: tl.constexpr,
    D: tl.constexpr,
    GROUP: tl.constexpr,  # G
    PAIRS: tl.constexpr,  # of channels that are rotated in each head
    PRE_NORM: tl.constexpr,
    QK_NORM: tl.constexpr,
    BLOCK_N: tl.constexpr,  # slots per step
    BLOCK_F: tl.constexpr,  # units of the feed-forward network per step
):
    """Carry one environment's token through the layer, and write its key and value."""
    H: tl.constexpr = W // D
    environment = tl.program_id(0).to(tl.int64)
    width_channel = tl.arange(0, W)
    channel = tl.arange(0, D)
    head = tl.arange(0, H)
    residual = tl.load(x + environment * W + width_channel).to(tl.float32)

    branch = residual
    if PRE_NORM:
        branch = layer_norm(residual, attention_norm, width_channel, W)
    # Rows of keys and values are repeated for the heads that share them.
    shared_row = width_channel // (D * GROUP) * D + width_channel % D
    query = matrix_vector(query_key_value, width_channel, branch, width_channel, W)
    key = matrix_vector(query_key_value, W + shared_row, branch, width_channel, W)
    value = matrix_vector(query_key_value, W + W // GROUP + shared_row, branch, width_channel, W)
    query = tl.reshape(query, [H, D])
    key = tl.reshape(key, [H, D])
    value = tl.reshape(value, [H, D])
    if QK_NORM:
        scale = tl.minimum(tl.load(head_scale + head).to(tl.float32), max_logit)
        query = unit_length(query) * scale[:, None]
        key = unit_length(key)
    if PAIRS > 0:
        angle = environment * PAIRS
        query = rotated(query, cosine + angle, sine + angle, H, D, PAIRS)
        key = rotated(key, cosine + angle, sine + angle, H, D, PAIRS)
    query *= logit_factor

    now = tl.load(step + environment)
    slot = (now % num_slots).to(tl.int32)
    num_visible = tl.minimum(now - tl.load(start + environment) + 1, num_slots).to(tl.int32)
    head_offset = environment * cache_stride_n + (head // GROUP).to(tl.int64) * cache_stride_h
    here = (head_offset + slot.to(tl.int64) * cache_stride_s)[:, None] + channel[None, :]
    is_stored = (head % GROUP == 0)[:, None]
    new_key, new_value = key.to(keys.dtype.element_ty), value.to(values.dtype.element_ty)
    tl.store(keys + here, new_key, mask=is_stored)
    tl.store(values + here, new_value, mask=is_stored)

    new_logit = tl.sum(query * new_key.to(tl.float32), 1)
    maximum = tl.zeros([H, BLOCK_N], tl.float32) + new_logit[:, None]
    total = tl.zeros([H, BLOCK_N], tl.float32)
    attended = tl.zeros([H, BLOCK_N, D], tl.float32)
    for newest in range(1, num_visible, BLOCK_N):
        age = newest + tl.arange(0, BLOCK_N)
        is_visible = age < num_visible
        token_offset = slot_offset(slot, age, num_slots, cache_stride_s)
        at = (head_offset[:, None] + token_offset[None, :])[:, :, None] + channel[None, None, :]
        old_key = tl.load(keys + at, mask=is_visible[None, :, None], other=0.0).to(tl.float32)
        old_value = tl.load(values + at, mask=is_visible[None, :, None], other=0.0).to(tl.float32)
        logit = tl.sum(query[:, None, :] * old_key, 2)
        logit = tl.where(is_visible[None, :], logit, float("-inf"))
        higher = tl.maximum(maximum, logit)
        weight = tl.exp2(logit - higher)
        shrink = tl.exp2(maximum - higher)
        maximum = higher
        total = total * shrink + weight
        attended = attended * shrink[:, :, None] + weight[:, :, None] * old_value
    highest = tl.max(maximum, 1)  # the new token's logit is in it
    shrink = tl.exp2(maximum - highest[:, None])
    weight = tl.exp2(new_logit - highest)
    head_out = tl.sum(attended * shrink[:, :, None], 1)
    head_out += weight[:, None] * new_value.to(tl.float32)
    head_out /= (tl.sum(total * shrink, 1) + weight)[:, None]

    branch = tl.reshape(head_out, [W])
    residual += matrix_vector(attention_out, width_channel, branch, width_channel, W)
    if PRE_NORM:
        branch = layer_norm(residual, feed_forward_norm, width_channel, W)
    else:
        residual = layer_norm(residual, attention_norm, width_channel, W)
        branch = residual
    products = tl.zeros([W, BLOCK_F], tl.float32)
    for first in range(0, feed_forward_width, BLOCK_F):
        unit = first + tl.arange(0, BLOCK_F)
        is_unit = unit < feed_forward_width
        into = tl.load(
            feed_forward_in + unit[:, None] * W + width_channel[None, :],
            mask=is_unit[:, None],
            other=0.0,
        )
        hidden = tl.sum(into.to(tl.float32) * branch[None, :], 1)
        hidden = 0.5 * hidden * (1.0 + tl.erf(hidden * SQRT_HALF))
        back = tl.load(
            feed_forward_out + width_channel[:, None] * feed_forward_width + unit[None, :],
            mask=is_unit[None, :],
            other=0.0,
        )
        products += back.to(tl.float32) * hidden[None, :]
    residual += tl.sum(products, 1)
    if not PRE_NORM:
        residual = layer_norm(residual, feed_forward_norm, width_channel, W)
    tl.store(out + environment * W + width_channel, residual.to(out.dtype.element_ty))
