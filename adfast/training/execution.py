"""Execution: where and how a training computes, resolved from its settings once and recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from adfast.attention import describe_backend
from adfast.errors import InvalidArgument
from adfast.models.device import describe_computing, resolve_device, resolve_precision
from adfast.training.config import TrainingConfig


@dataclass(frozen=True)
class Execution:
    """The device, the precision of the blocks, whether the step is compiled, and what attends."""

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
            **describe_computing(self.device, self.precision),
            "compiled": self.is_compiled,
            "attention_backend": self.attention_backend,
        }


def resolve_execution(config: TrainingConfig, attention_backend: str, head_dim: int) -> Execution:
    """What `config` means on this machine for a model of such heads, attended by that backend.

    Raises `InvalidArgument` for what cannot run on it.
    """
    device = resolve_device(config.device, "training.device")
    precision = resolve_precision(config.precision, device, "training.precision")
    is_cuda = device.type == "cuda"
    if config.compile is True and not is_cuda:
        raise InvalidArgument(
            "training.compile = true needs a CUDA device (the processor's attention is compiled "
            f'already and cannot be part of a graph), got {device.type}; use "auto" or false'
        )
    is_compiled = is_cuda if config.compile == "auto" else config.compile
    attention = describe_backend(attention_backend, device, precision, head_dim)
    return Execution(device, precision, is_compiled, attention)
