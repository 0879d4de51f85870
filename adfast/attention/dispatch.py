"""The public face of attention: arguments are checked here, and the backend that was chosen runs.

Axes: B batch, N environments, H query heads, T time, D channels per head.
"""

from __future__ import annotations

from typing import Literal, overload

import torch
from torch import Tensor

from adfast.attention.arguments import check_attention, check_decode
from adfast.attention.backends import AUTO, LOADED, Backend, resolve_backend
from adfast.attention.key_value_cache import KeyValueCache
from adfast.errors import InvalidArgument


@overload
def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    window: int | None = ...,
    document_start: Tensor | None = ...,
    scale: float | None = ...,
    logit_bound: float | None = ...,
    deterministic: bool | None = ...,
    return_lse: Literal[False] = ...,
    backend: str = ...,
) -> Tensor: ...


@overload
def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    window: int | None = ...,
    document_start: Tensor | None = ...,
    scale: float | None = ...,
    logit_bound: float | None = ...,
    deterministic: bool | None = ...,
    return_lse: Literal[True],
    backend: str = ...,
) -> tuple[Tensor, Tensor]: ...


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    window: int | None = None,
    document_start: Tensor | None = None,
    scale: float | None = None,
    logit_bound: float | None = None,
    deterministic: bool | None = None,
    return_lse: bool = False,
    backend: str = AUTO,
) -> Tensor | tuple[Tensor, Tensor]:
    """Causal attention `[B, H, T, D]` of `q [B, H, T, D]` over `k, v [B, H_kv, S, D]`.

    There may be more keys than queries, which are then of the last T of S tokens. A query sees
    itself and the `window - 1` tokens before it (all of them without a window), and none before
    `document_start[b, t]` (int32 `[B, T]`, the number of a key, non-decreasing along t, at most the
    query's own). Query head h reads key head `h // (H // H_kv)`. `scale` multiplies the logits,
    `D ** -0.5` by default.

    `logit_bound` promises that no scaled logit exceeds it in magnitude, which lets a kernel skip
    the row maximum; `deterministic` asks for bit-equal gradients (by default as
    `torch.use_deterministic_algorithms` says). Those of the processor need no promise and are
    always deterministic at a fixed thread count.

    With `return_lse` also the log-sum-exp of each query's logits, float `[B, H, T]`, which carries
    no gradient. Raises `InvalidArgument` for arguments that break these rules.
    """
    check_attention(q, k, v, window, document_start, scale, logit_bound)
    out, lse = backend_for(backend, q).attention(
        q,
        k,
        v,
        window=window,
        document_start_BT=document_start,
        scale=q.shape[-1] ** -0.5 if scale is None else float(scale),
        logit_bound=logit_bound,
        deterministic=deterministic,
    )
    return (out, lse.detach()) if return_lse else out


def packed_attention(
    projected: Tensor,
    num_heads: int,
    *,
    window: int | None = None,
    document_start: Tensor | None = None,
    scale: float | None = None,
    logit_bound: float | None = None,
    deterministic: bool | None = None,
    backend: str = AUTO,
) -> Tensor:
    """`attention` `[B, T, H, D]` of queries, keys and values that lie side by side.

    `projected [B, T, H + 2 H_kv, D]` holds the heads of the queries, of the keys and of the values,
    as one projection makes them; where a kernel of ours computes, its gradient is written in that
    layout, not put together from three. Raises as `attention`.
    """
    num_kv_heads = (projected.shape[-2] - num_heads) // 2
    heads_fit = num_kv_heads >= 1 and num_heads + 2 * num_kv_heads == projected.shape[-2]
    if projected.ndim != 4 or not heads_fit:
        raise InvalidArgument(
            "projected must be [B, T, H + 2 H_kv, D], "
            f"got {tuple(projected.shape)} with {num_heads} query heads"
        )
    heads = projected.split((num_heads, num_kv_heads, num_kv_heads), dim=2)
    q, k, v = (x.transpose(1, 2) for x in heads)
    check_attention(q, k, v, window, document_start, scale, logit_bound)
    chosen = backend_for(backend, projected)
    options = {
        "window": window,
        "document_start_BT": document_start,
        "scale": q.shape[-1] ** -0.5 if scale is None else float(scale),
        "logit_bound": logit_bound,
        "deterministic": deterministic,
    }
    if chosen.packed_attention is not None:
        return chosen.packed_attention(projected, num_heads, **options).transpose(1, 2)
    return chosen.attention(q, k, v, **options)[0].transpose(1, 2)


def decode(
    q: Tensor,
    k_new: Tensor,
    v_new: Tensor,
    cache: KeyValueCache,
    step: Tensor,
    start: Tensor,
    *,
    scale: float | None = None,
    backend: str = AUTO,
) -> Tensor:
    """One step of attention per environment: `[N, H, D]`, what `attention` gives at that step.

    `q [N, H, D]` and `k_new, v_new [N, H_kv, D]` belong to the tokens of `step` (int64 `[N]`); the
    new keys and values are written into `cache`. An environment sees no step before `start` (int64
    `[N]`, at most `step`): to reset one, set its `start` to its next `step`. An environment's steps
    must follow one another. No gradient flows. All have the dtype of the cache; on the processor a
    cache in bfloat16 serves float32 too. Raises `InvalidArgument` for other shapes or dtypes.
    """
    check_decode(q, k_new, v_new, cache, step, start)
    scale = q.shape[-1] ** -0.5 if scale is None else float(scale)
    with torch.no_grad():
        return backend_for(backend, q).decode(q, k_new, v_new, cache, step, start, scale=scale)


def backend_for(name: str, tensor: Tensor) -> Backend:
    """The backend `name` for heads like those of `tensor` `[..., D]`."""
    return LOADED[resolve_backend(name, tensor.device.type, tensor.dtype, tensor.shape[-1])]
