"""Execution: where and how a training computes, resolved from its settings once and recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from adfast.attention import describe_backend
from adfast.errors import InvalidArgument
from adfast.models.device import describe_computing, resolve_device, resolve_precision
from adfast.training.config import TrainingConfig
from adfast.training.parallel.processes import ALONE, Processes


@dataclass(frozen=True)
class Execution:
    """The device, the precision of the blocks, whether the step is compiled, and what attends."""

    device: torch.device
    precision: torch.dtype
    is_compiled: bool
    attention_backend: str
    processes: Processes = ALONE
    is_fully_sharded: bool = False  # over the processes

    @property
    def is_sharded(self) -> bool:
        """Whether threads take slices of the batch: on the processor, in its own precision."""
        is_plain = self.device.type == "cpu" and self.precision == torch.float32
        return is_plain and self.processes.is_alone

    def describe(self) -> dict[str, Any]:
        """JSON-ready, for the provenance."""
        return {
            **describe_computing(self.device, self.precision),
            "compiled": self.is_compiled,
            "attention_backend": self.attention_backend,
            **({} if self.processes.is_alone else {"processes": self.processes.size}),
        }


def resolve_execution(
    config: TrainingConfig, attention_backend: str, head_dim: int, processes: Processes = ALONE
) -> Execution:
    """What `config` means on this machine for a model of such heads, attended by that backend.

    Raises `InvalidArgument` for what cannot run on it, or not in so many processes.
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
    if not processes.is_alone or config.context_ranks > 1:
        check_together(config, device, precision, processes)
        is_compiled = False
    attention = describe_backend(attention_backend, device, precision, head_dim)
    is_fully_sharded = config.data_parallel == "fsdp" and not processes.is_alone
    return Execution(device, precision, is_compiled, attention, processes, is_fully_sharded)


def check_together(
    config: TrainingConfig, device: torch.device, precision: torch.dtype, processes: Processes
) -> None:
    """Raise `InvalidArgument` for what several processes cannot do."""
    processes.rows(config.batch_size, config.context_ranks)
    if config.context_length < config.context_ranks:
        raise InvalidArgument(
            f"training.context_ranks must be at most training.context_length "
            f"({config.context_length}), got {config.context_ranks}; each needs a transition"
        )
    if config.compile is True:
        raise InvalidArgument(
            f'training.compile = true is for one process, got {processes.size}; use "auto" or false'
        )
    if device.type == "cuda" and processes.local_size > torch.cuda.device_count():
        raise InvalidArgument(
            f"processes of this machine must be at most {torch.cuda.device_count()}, its CUDA "
            f"devices, got {processes.local_size}; start fewer (torchrun --nproc-per-node), or set "
            'training.device = "cpu"'
        )
    is_rounded_copy = precision == torch.bfloat16 and config.data_parallel == "ddp"
    if is_rounded_copy and config.activation_checkpointing:
        raise InvalidArgument(
            "training.activation_checkpointing in bfloat16 needs training.data_parallel = "
            '"fsdp" where several processes train, got "ddp"; set it, or precision "float32"'
        )
