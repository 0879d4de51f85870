"""Execution: where and how a training computes, resolved from its settings once and recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from adfast.attention import describe_backend, resolve_backend
from adfast.errors import InvalidArgument
from adfast.models.device import describe_computing, resolve_device, resolve_precision
from adfast.training.config import TrainingConfig


@dataclass(frozen=True)
class Execution:
    """The device, the precision of the blocks, and whether the step is compiled."""

    device: torch.device
    precision: torch.dtype
    is_compiled: bool

    @property
    def is_sharded(self) -> bool:
        """Whether threads take slices of the batch: on the processor, in its own precision."""
        return self.device.type == "cpu" and self.precision == torch.float32

    def describe(self, head_dim: int) -> dict[str, Any]:
        """JSON-ready, for the provenance, with what attends with heads of this width."""
        attention = describe_backend("auto", self.device, self.precision, head_dim)
        return {
            **describe_computing(self.device, self.precision),
            "compiled": self.is_compiled,
            "attention_backend": attention,
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
    resolve_backend("auto", device)  # raises where there is no attention for the device
    return Execution(device, precision, is_compiled)
