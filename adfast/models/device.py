"""What a model runs on, and in what precision: the seam between the processor and a CUDA device.

A setting is resolved once, at the public face, and an explicit choice that cannot run is refused.
Everything behind it takes a `torch.device` and a `torch.dtype` and does not ask again.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from adfast.errors import InvalidArgument
from adfast.models.config import CachePrecision, Device, Precision
from adfast.models.transformer import Transformer
from adfast.values import as_choice

FIRST_WITH_BFLOAT16 = (8, 0)  # compute capability (Ampere)


def resolve_device(choice: Device, setting: str) -> torch.device:
    """The device of `choice`: "auto" is CUDA where there is one; `setting` names it in messages.

    Raises `InvalidArgument` for a name that is not known and for CUDA where there is none.
    """
    as_choice(setting, choice, ("auto", "cpu", "cuda"))
    if choice == "cpu" or (choice == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        built = "" if torch.version.cuda else ", and this build of torch knows none"
        raise InvalidArgument(
            f'{setting} = "cuda" needs a CUDA device, but torch finds none{built}; '
            'use "auto" or "cpu"'
        )
    return torch.device("cuda", torch.cuda.current_device())


def resolve_precision(choice: Precision, device: torch.device, setting: str) -> torch.dtype:
    """The dtype of the blocks on `device`: "auto" is bfloat16 where the device computes in it.

    Raises `InvalidArgument` for a name that is not known and for a card that lacks bfloat16.
    """
    as_choice(setting, choice, ("auto", "float32", "bfloat16"))
    has_bfloat16 = device.type == "cpu" or (
        torch.cuda.get_device_capability(device) >= FIRST_WITH_BFLOAT16
    )
    if choice == "bfloat16" and not has_bfloat16:
        raise InvalidArgument(
            f'{setting} = "bfloat16" needs a CUDA device of compute capability 8.0, '
            f'got {torch.cuda.get_device_name(device)}; use "auto" or "float32"'
        )
    if choice == "auto":
        choice = "bfloat16" if device.type == "cuda" and has_bfloat16 else "float32"
    return torch.bfloat16 if choice == "bfloat16" else torch.float32


def resolve_cache(
    choice: CachePrecision, device: torch.device, blocks: torch.dtype, setting: str
) -> torch.dtype:
    """The dtype that keys and values are kept in while acting: never a finer one than the blocks'.

    Raises `InvalidArgument` for a name that is not known, and for a card whose blocks compute in
    float32: its kernels read a cache in the precision of the blocks.
    """
    as_choice(setting, choice, ("float32", "bfloat16"))
    if choice == "float32" or blocks == torch.bfloat16:
        return blocks
    if device.type != "cpu":
        raise InvalidArgument(
            f'{setting} = "bfloat16" needs blocks in bfloat16 on a CUDA device, got float32; '
            'use precision "bfloat16" or "auto" there'
        )
    return torch.bfloat16


def in_precision(model: Transformer, device: torch.device, precision: torch.dtype) -> Transformer:
    """`model` on `device` with blocks in `precision`: itself where it is so, a copy elsewhere.

    Embedding, last norm and head stay float32.
    """
    if model.head.device == device and model.block_dtype == precision:
        return model
    converted = copy.deepcopy(model).to(device)
    converted.blocks.to(precision)
    return converted


def host_tensor(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """An uninitialised tensor on the host, page-locked if a CUDA `device` copies from or to it."""
    return torch.empty(shape, dtype=dtype, pin_memory=device.type == "cuda")


def describe_computing(device: torch.device, precision: torch.dtype) -> dict[str, str]:
    """What a record says of them: the card's name or "cpu", and the precision of the blocks."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {"device": name, "precision": dtype_name(precision)}


def dtype_name(dtype: torch.dtype) -> str:
    """`float32`, without torch's name before it."""
    return str(dtype).removeprefix("torch.")
