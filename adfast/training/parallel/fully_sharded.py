"""Models of which each process keeps a share: FSDP2, and what goes between shares and the whole.

Every parameter, its gradient and what the optimiser keeps of it are split by rows over the
processes; a block's are gathered while it computes. A parameter with fewer rows than there are
processes has empty shares. What torch needs for it takes a second to load, and is imported where a
model is split; before that nothing is.

Source: Zhao et al. 2023 (arXiv 2304.11277); `torch.distributed.fsdp.fully_shard`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor, nn

from adfast.models.transformer import Transformer
from adfast.training.parallel.processes import Processes

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

SPLIT_TENSORS, SPLIT_MODULES = "torch.distributed.tensor", "torch.distributed.fsdp"


def shard_fully(model: Transformer, processes: Processes, precision: torch.dtype) -> None:
    """Split `model` over all processes, in place; its blocks compute in `precision`.

    Gradients are added up in float32, or in what parameters are if that is finer.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(model.head.device.type, (processes.size,))
    is_rounded = precision == torch.bfloat16
    policy = MixedPrecisionPolicy(
        param_dtype=precision if is_rounded else None,
        reduce_dtype=torch.float32 if is_rounded else None,
        cast_forward_inputs=False,  # the residual stream is cast where it enters, the rest is not
    )
    if is_rounded:
        model.gathered_dtype = precision
    for block in model.blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh)


def is_fully_sharded(model: nn.Module) -> bool:
    """Whether `shard_fully` has split it."""
    fsdp = sys.modules.get(SPLIT_MODULES)
    return fsdp is not None and isinstance(model, fsdp.FSDPModule)


def is_split(value: Tensor) -> TypeGuard[DTensor]:
    """Whether this process has a share of `value`."""
    tensor = sys.modules.get(SPLIT_TENSORS)
    return tensor is not None and isinstance(value, tensor.DTensor)


def own_share(value: Tensor) -> Tensor:
    """The memory of `value` that this process has: all of it, or its rows."""
    return value.to_local() if is_split(value) else value


def whole(value: Tensor) -> Tensor:
    """All of `value`, gathered from all processes; `value` itself where it is not split."""
    with torch.no_grad():
        return value.full_tensor() if is_split(value) else value


def split_like(value: Tensor, like: Tensor) -> Tensor:
    """`value` split as `like` is, where that is split and `value` is not yet."""
    if not is_split(like) or is_split(value):
        return value
    from torch.distributed.tensor import DTensor

    rows = rows_of_share(value, like, dim=0).to(like.device)
    return DTensor.from_local(
        rows, like.device_mesh, like.placements, shape=like.shape, stride=like.stride()
    )


def rows_of_share(value: Tensor, like: DTensor, dim: int) -> Tensor:
    """What of the whole `value` belongs to this process's share of `like`, along `dim`."""
    shares = value.chunk(like.device_mesh.size(), dim)
    rank = like.device_mesh.get_local_rank()
    return shares[rank] if rank < len(shares) else value.narrow(dim, 0, 0)


def gather_stacked(shares: Tensor, like: DTensor) -> Tensor:
    """`[K, rows, columns]`: K matrices split as `like` is, from this process's `shares` of them."""
    from torch.distributed.tensor import DTensor, Shard

    rows, columns = like.shape
    shape = torch.Size((len(shares), rows, columns))
    stack = DTensor.from_local(
        shares, like.device_mesh, [Shard(1)], shape=shape, stride=(rows * columns, columns, 1)
    )
    return stack.full_tensor()


def gather_whole(tensors: Mapping[str, Tensor], *, keep: bool = True) -> dict[str, Tensor]:
    """Name -> all of each tensor, on the processor, one gathered after the other.

    All processes must ask; those that do not `keep` them get none.
    """
    gathered = {}
    for name, tensor in tensors.items():
        value = whole(tensor)
        if keep:
            gathered[name] = value.cpu()
    return gathered


def whole_model(model: Transformer, processes: Processes) -> Transformer:
    """`model` with all of its weights: itself, or where it is split a copy on the processor.

    Asked by all processes; only the first gets a copy, as not every card or host may hold it.
    """
    if not is_fully_sharded(model):
        return model
    weights = gather_whole(model.state_dict(), keep=processes.is_first)
    if not processes.is_first:
        return model
    copy = Transformer(model.config, model.schema, seed=0)
    copy.load_state_dict(weights)
    copy.attention_backend = model.attention_backend
    return copy.train(model.training)
