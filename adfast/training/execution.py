"""Execution: where and how a training computes, resolved from its settings once and recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from adfast.attention import resolve_backend
from adfast.errors import InvalidArgument
from adfast.models.device import device_name, resolve_device, resolve_precision
from adfast.training.config import TrainingConfig


@dataclass(frozen=True)
class Execution:
    """The device, the precision of the blocks, whether the step is compiled, which attention."""

    device: torch.device
    precision: torch.dtype
    is_compiled: bool
    attention_backend: str

    @property
    def is_sharded(self) -> bool:
        """Whether threads take slices of the batch: on the processor, in its own precision."""
        return self.device.type == "cpu" and self.precision == torch.float32

    def describe(self) -> dict[str, Any]:
        """JSON-ready, for the provenance."""
        return {
            "device": device_name(self.device),
            "precision": str(self.precision).removeprefix("torch."),
            "compiled": self.is_compiled,
            "attention_backend": self.attention_backend,
        }


def resolve_execution(config: TrainingConfig) -> Execution:
    """What `config` means on this machine; raises `InvalidArgument` for what cannot run on it."""
    device = resolve_device(config.device, "training.device")
    precision = resolve_precision(config.precision, device, "training.precision")
    is_cuda = device.type == "cuda"
    if config.compile is True and not is_cuda:
        raise InvalidArgument(
            "training.compile = true needs a CUDA device (the processor's attention is compiled "
            f'already and cannot be part of a graph), got {device.type}; use "auto" or false'
        )
    is_compiled = is_cuda if config.compile == "auto" else config.compile
    return Execution(device, precision, is_compiled, resolve_backend("auto", device))
