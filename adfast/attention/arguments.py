"""What `attention` and `decode` accept; everything behind them trusts it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import torch
from torch import Tensor

from adfast.attention.key_value_cache import KeyValueCache
from adfast.errors import InvalidArgument
from adfast.values import as_count, as_number, require_kind

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class Options(TypedDict):
    """What a backend's `attention` takes as keywords, beside its tensors and checked before.

    `document_start_BT` is int32 `[B, T]`; the other axes and rules are those of
    `dispatch.attention`. A backend may leave the last two unused.
    """

    window: int | None
    document_start_BT: Tensor | None
    scale: float
    logit_bound: NotRequired[float | None]
    deterministic: NotRequired[bool | None]


def check_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    window: int | None,
    document_start: Tensor | None,
    scale: float | None,
    logit_bound: float | None,
) -> None:
    """Raise `InvalidArgument` for what `attention` does not take."""
    for name, tensor in (("q", q), ("k", k), ("v", v)):
        require_kind(name, tensor, Tensor, "a tensor")
    shapes = f"q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}"
    if q.ndim != 4 or k.ndim != 4 or k.shape != v.shape:
        raise InvalidArgument(
            f"attention needs q [B, H, T, D] and k, v [B, H_kv, S, D] of one shape, got {shapes}"
        )
    if (q.shape[0], q.shape[3]) != (k.shape[0], k.shape[3]):
        raise InvalidArgument(f"q, k and v must agree in batch and channels, got {shapes}")
    if q.shape[2] > k.shape[2]:
        raise InvalidArgument(f"every query needs the key of its own token, got {shapes}")
    if min(q.shape) < 1 or k.shape[1] < 1:
        raise InvalidArgument(f"attention needs at least one of every axis, got {shapes}")
    if q.shape[1] % k.shape[1]:
        raise InvalidArgument(
            f"the number of query heads must be a multiple of that of key heads, got {shapes}"
        )
    if q.dtype not in DTYPES or not q.dtype == k.dtype == v.dtype:
        raise InvalidArgument(
            "q, k and v must share one dtype of float16, bfloat16, float32 and float64, "
            f"got {q.dtype}, {k.dtype}, {v.dtype}"
        )
    if not q.device == k.device == v.device:
        raise InvalidArgument(
            f"q, k and v must be on one device, got {q.device}, {k.device}, {v.device}"
        )
    if window is not None:
        as_count("attention window", window)
    if scale is not None:
        as_number("scale", scale)
    if logit_bound is not None and not as_number("logit_bound", logit_bound) > 0:
        raise InvalidArgument(f"logit_bound must be positive, got {logit_bound}; None for no bound")
    if document_start is not None:
        check_document_start(document_start, q, k.shape[2])


def check_document_start(document_start: Tensor, q: Tensor, num_keys: int) -> None:
    """Raise `InvalidArgument` unless it is int32 `[B, T]`, non-decreasing and within 0 .. t.

    Where there are more keys than queries, t counts the keys.
    """
    require_kind("document_start", document_start, Tensor, "a tensor")
    expected = (q.shape[0], q.shape[2])
    if document_start.dtype != torch.int32 or tuple(document_start.shape) != expected:
        raise InvalidArgument(
            f"document_start must be int32 {expected} like q's batch and time, "
            f"got {document_start.dtype} {tuple(document_start.shape)}"
        )
    if document_start.device != q.device:
        raise InvalidArgument(
            f"document_start must be on {q.device} like q, got {document_start.device}"
        )
    if document_start.device.type != "cpu" or torch.compiler.is_compiling():
        return  # reading values back would stall the device, and a graph has none
    if (document_start[:, 1:] < document_start[:, :-1]).any():
        raise InvalidArgument(
            "document_start must not decrease along time: a document is one run of tokens"
        )
    time = torch.arange(num_keys - q.shape[2], num_keys, dtype=torch.int32)
    if (document_start < 0).any() or (document_start > time).any():
        raise InvalidArgument("document_start[b, t] must be in 0..t: a query sees itself")


def check_decode(
    q: Tensor, k_new: Tensor, v_new: Tensor, cache: KeyValueCache, step: Tensor, start: Tensor
) -> None:
    """Raise `InvalidArgument` for what `decode` does not take."""
    num_environments, num_kv_heads, _, head_dim = cache.keys.shape
    expected = (num_environments, num_kv_heads, head_dim)
    if tuple(k_new.shape) != expected or tuple(v_new.shape) != expected:
        raise InvalidArgument(
            f"k_new and v_new must be {expected} [N, H_kv, D] like the cache, "
            f"got {tuple(k_new.shape)} and {tuple(v_new.shape)}"
        )
    if q.ndim != 3 or (q.shape[0], q.shape[2]) != (num_environments, head_dim):
        raise InvalidArgument(
            f"q must be [{num_environments}, H, {head_dim}] like the cache, got {tuple(q.shape)}"
        )
    if q.shape[1] % num_kv_heads:
        raise InvalidArgument(
            "the number of query heads must be a multiple of that of the cache's key heads "
            f"({num_kv_heads}), got {q.shape[1]}"
        )
    widens = (cache.keys.dtype, q.dtype, q.device.type) == (torch.bfloat16, torch.float32, "cpu")
    if not (q.dtype == k_new.dtype == v_new.dtype and (q.dtype == cache.keys.dtype or widens)):
        raise InvalidArgument(
            f"q, k_new and v_new must be {cache.keys.dtype} like the cache, "
            f"got {q.dtype}, {k_new.dtype}, {v_new.dtype}"
        )
    for name, counter in (("step", step), ("start", start)):
        if counter.dtype != torch.int64 or tuple(counter.shape) != (num_environments,):
            raise InvalidArgument(
                f"{name} must be int64 [{num_environments}], one per environment, "
                f"got {counter.dtype} {tuple(counter.shape)}"
            )
