"""The public face of attention: arguments are checked and the backend is chosen here.

Axes: B batch, N environments, H query heads, T time, D channels per head.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, overload

import torch
from torch import Tensor

from adfast.attention import banded_cpu, decode_cpu, native_cpu, native_decode, reference
from adfast.attention.arguments import check_attention, check_decode
from adfast.attention.key_value_cache import KeyValueCache
from adfast.errors import InvalidArgument, MissingPackage
from adfast.machine import processor
from adfast.packages import describe_missing

BACKENDS = ("auto", "reference", "cpu", "triton")
HAS_TRITON = find_spec("triton") is not None  # CPU builds of torch do not bring it


def resolve_backend(backend: str, device: torch.device | str) -> str:
    """The backend that will run tensors of `device`: "reference", "cpu" or "triton".

    Raises `InvalidArgument` for an unknown name and for a backend that cannot run there, and
    `MissingPackage` where it is not installed.
    """
    device_type = torch.device(device).type
    if backend not in BACKENDS:
        raise InvalidArgument(
            f'attention backend must be one of {", ".join(BACKENDS)}, got "{backend}"'
        )
    if backend == "auto":
        backend = "triton" if device_type == "cuda" else "cpu"
    if backend == "triton" and device_type != "cuda":
        raise InvalidArgument(
            f'attention backend "triton" needs a CUDA device, got {device_type}; '
            'use "auto" or "cpu"'
        )
    if backend == "triton" and not HAS_TRITON:
        raise MissingPackage(f'{describe_missing("triton")}, or use backend "reference"')
    if backend == "cpu" and device_type != "cpu":
        raise InvalidArgument(
            f'attention backend "cpu" needs tensors on the CPU, got {device_type}; use "auto"'
        )
    return backend


def cpu_path(dtype: torch.dtype = torch.float32, head_dim: int = 1) -> str:
    """How backend "cpu" attends with heads of this dtype and width.

    "native-avx512", "native-avx2" or "native-portable", after what the processor has or
    `ADFAST_CPU` says; "banded", on torch's kernels, for other dtypes than float32 and heads of more
    than 128 channels.
    """
    if native_cpu.is_supported(dtype, head_dim):
        return f"native-{processor.instruction_set()}"
    return "banded"


def describe_backend(
    backend: str,
    device: torch.device | str,
    dtype: torch.dtype = torch.float32,
    head_dim: int = 1,
) -> str:
    """The backend that `resolve_backend` chooses and, for "cpu", its path: "cpu (native-avx2)"."""
    chosen = resolve_backend(backend, device)
    return f"cpu ({cpu_path(dtype, head_dim)})" if chosen == "cpu" else chosen


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
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """Causal attention `[B, H, T, D]` of `q [B, H, T, D]` over `k, v [B, H_kv, T, D]`.

    A query sees itself and the `window - 1` tokens before it (all of them without a window), and
    none before `document_start[b, t]` (int32 `[B, T]`, non-decreasing along t, at most t). Query
    head h reads key head `h // (H // H_kv)`. `scale` multiplies the logits, `D ** -0.5` by default.

    `logit_bound` promises that no scaled logit exceeds it in magnitude, which lets a kernel skip
    the row maximum; `deterministic` asks for bit-equal gradients (by default as
    `torch.use_deterministic_algorithms` says). The reference and cpu backends need no promise and
    are always deterministic at a fixed thread count.

    With `return_lse` also the log-sum-exp of each query's logits, float `[B, H, T]`, which carries
    no gradient. Raises `InvalidArgument` for arguments that break these rules.
    """
    check_attention(q, k, v, window, document_start, scale, logit_bound)
    chosen = resolve_backend(backend, q.device)
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    if chosen == "triton":
        from adfast.attention import triton  # late: a machine without CUDA may lack Triton

        out, lse = triton.attention(
            q,
            k,
            v,
            window=window,
            document_start_BT=document_start,
            scale=scale,
            logit_bound=logit_bound,
            deterministic=deterministic,
        )
    else:
        if chosen == "reference":
            run = reference.attention
        elif native_cpu.is_supported(q.dtype, q.shape[-1]):
            run = native_cpu.attention
        else:
            run = banded_cpu.attention
        out, lse = run(q, k, v, window=window, document_start_BT=document_start, scale=scale)
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
    backend: str = "auto",
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
    chosen = resolve_backend(backend, projected.device)
    if chosen == "cpu" and native_cpu.is_supported(projected.dtype, projected.shape[-1]):
        check_attention(q, k, v, window, document_start, scale, logit_bound)
        return native_cpu.packed_attention(
            projected,
            num_heads,
            window=window,
            document_start_BT=document_start,
            scale=q.shape[-1] ** -0.5 if scale is None else scale,
        ).transpose(1, 2)
    if chosen != "triton":
        return attention(
            q,
            k,
            v,
            window=window,
            document_start=document_start,
            scale=scale,
            logit_bound=logit_bound,
            deterministic=deterministic,
            backend=backend,
        ).transpose(1, 2)
    from adfast.attention import triton  # late: a machine without CUDA may lack Triton

    check_attention(q, k, v, window, document_start, scale, logit_bound)
    return triton.packed_attention(
        projected,
        num_heads,
        window=window,
        document_start_BT=document_start,
        scale=q.shape[-1] ** -0.5 if scale is None else scale,
        logit_bound=logit_bound,
        deterministic=deterministic,
    ).transpose(1, 2)


def decode(
    q: Tensor,
    k_new: Tensor,
    v_new: Tensor,
    cache: KeyValueCache,
    step: Tensor,
    start: Tensor,
    *,
    scale: float | None = None,
) -> Tensor:
    """One step of attention per environment: `[N, H, D]`, what `attention` gives at that step.

    `q [N, H, D]` and `k_new, v_new [N, H_kv, D]` belong to the tokens of `step` (int64 `[N]`); the
    new keys and values are written into `cache`. An environment sees no step before `start` (int64
    `[N]`, at most `step`): to reset one, set its `start` to its next `step`. An environment's steps
    must follow one another. No gradient flows. All have the dtype of the cache; on the processor a
    cache in bfloat16 serves float32 too. Raises `InvalidArgument` for other shapes or dtypes.
    """
    check_decode(q, k_new, v_new, cache, step, start)
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    with torch.no_grad():
        if resolve_backend("auto", q.device) == "triton":
            from adfast.attention import triton

            triton.check_supported(q)
            return triton.decode(q, k_new, v_new, cache, step, start, scale=scale)
        if native_decode.is_supported(q, cache):
            return native_decode.decode(q, k_new, v_new, cache, step, start, scale=scale)
        return decode_cpu.decode(q, k_new, v_new, cache, step, start, scale=scale)
