"""The optimisers of a recipe, their schedule, and their state as plain tensors.

Muon (Jordan et al. 2024) takes the weight matrices of the transformer's blocks, AdamW everything
else; with `optimizer = "adamw"` it takes all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch

from adfast.errors import CheckpointError
from adfast.machine import processor
from adfast.training.config import TrainingConfig
from adfast.training.optimizers.batched_muon import BatchedMuon
from adfast.training.parallel.fully_sharded import is_fully_sharded, split_like, whole

MuonPrecision = Literal["bfloat16", "float32"]
PRECISIONS: dict[MuonPrecision, torch.dtype] = {
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
}

STEP = "step"  # a number of each parameter
# What the optimisers remember of each parameter.
STATE_SLOTS: dict[type[torch.optim.Optimizer], tuple[str, ...]] = {
    torch.optim.AdamW: (STEP, "exp_avg", "exp_avg_sq"),
    BatchedMuon: ("momentum_buffer",),
}


class OptimizerGroup:
    """One or two torch optimisers that step, are scheduled and are saved together.

    Of a model that is split over processes each has its share. With `is_exact` Muon orthogonalises
    in float32 whatever this machine multiplies fast, so that sums in another order, as those of
    several processes are, change last bits alone.
    """

    def __init__(
        self, model: torch.nn.Module, config: TrainingConfig, *, is_exact: bool = False
    ) -> None:
        self.config = config
        self.muon: BatchedMuon | None = None
        self.parameters = dict(model.named_parameters())
        device = next(iter(self.parameters.values())).device
        is_cuda = device.type == "cuda"
        is_capturable = is_cuda and not is_fully_sharded(model)
        matrices: list[torch.nn.Parameter] = []
        others: list[torch.nn.Parameter] = []
        for name, parameter in self.parameters.items():
            is_block_matrix = parameter.ndim == 2 and ".blocks." in f".{name}"
            (matrices if config.optimizer == "muon" and is_block_matrix else others).append(
                parameter
            )
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                others,
                lr=config.learning_rate,
                betas=config.betas,
                weight_decay=config.weight_decay,
                foreach=not is_cuda,
                fused=is_cuda,
                capturable=is_capturable,
            )
        ]
        if matrices:
            has_bfloat16 = is_cuda or processor.multiplies_bfloat16_fast()
            is_rounded = has_bfloat16 and not is_exact
            self.muon = BatchedMuon(
                matrices,
                lr=config.muon_learning_rate,
                momentum=config.momentum,
                weight_decay=config.weight_decay,
                precision=torch.bfloat16 if is_rounded else torch.float32,
            )
            self.optimizers.append(self.muon)
        self.learning_rate = config.learning_rate  # AdamW's, at the last step
        self.peak_rates = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]
        if is_capturable:  # a captured step reads its rate from memory
            for optimizer, peak in zip(self.optimizers, self.peak_rates, strict=True):
                optimizer.param_groups[0]["lr"] = torch.tensor(peak, device=device)

    @property
    def muon_precision(self) -> MuonPrecision | None:
        """What Muon orthogonalises in: what this machine multiplies fast, or what was set.

        Two precisions lead to two models, so a training that is resumed keeps its own.
        """
        if self.muon is None:
            return None
        return next(name for name, dtype in PRECISIONS.items() if dtype == self.muon.precision)

    @muon_precision.setter
    def muon_precision(self, precision: MuonPrecision | None) -> None:
        if self.muon is None or precision is None:
            return
        if precision not in PRECISIONS:
            raise CheckpointError(
                f"muon_precision must be one of {', '.join(PRECISIONS)}, got {precision!r}; "
                "the checkpoint is damaged or of a later version"
            )
        self.muon.precision = PRECISIONS[precision]

    def step(self, update: int) -> torch.Tensor:
        """`clip` and `apply`; returns the gradients' norm before. Nothing waits for a device."""
        gradient_norm = self.clip()
        self.apply(update)
        return gradient_norm

    def clip(self) -> torch.Tensor:
        """Scale the gradients down to the greatest norm allowed; returns their norm before."""
        return whole(torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.config.clip))

    def apply(self, update: int) -> None:
        """Apply the gradients at the rates of `update`."""
        self.set_rates(update)
        self.move()

    def set_rates(self, update: int) -> None:
        """Let the next `move` be at the rates of `update`."""
        multiplier = rate_multiplier(update, self.config)
        self.learning_rate = self.peak_rates[0] * multiplier
        for optimizer, peak in zip(self.optimizers, self.peak_rates, strict=True):
            group = optimizer.param_groups[0]
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(peak * multiplier)
            else:
                group["lr"] = peak * multiplier

    def move(self) -> None:
        """Apply the gradients; a CUDA graph can hold this."""
        for optimizer in self.optimizers:
            optimizer.step()

    def state_tensors(self) -> dict[str, torch.Tensor]:
        """`parameter name/slot` -> tensor, for a checkpoint."""
        names = {id(parameter): name for name, parameter in self.parameters.items()}
        return {
            f"{names[id(parameter)]}/{slot}": value
            for optimizer in self.optimizers
            for parameter, state in optimizer.state.items()
            for slot, value in state.items()
        }

    def load_state_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Continue from `state_tensors`; raises `CheckpointError` for another optimiser's state."""
        owners = self.owners()
        expected = {f"{name}/{slot}" for name, slot in self.slots()}
        if tensors.keys() != expected:
            wrong = min(tensors.keys() ^ expected)
            raise CheckpointError(
                f'optimizer state "{wrong}" is {"missing" if wrong in expected else "not known"} '
                f'with training.optimizer = "{self.config.optimizer}"; '
                "resume with the configuration that the checkpoint was trained with"
            )
        for key, value in tensors.items():
            name, _, slot = key.rpartition("/")
            parameter = self.parameters[name]
            if slot != STEP:
                value = split_like(value, parameter)
            owners[id(parameter)].state[parameter][slot] = value.to(parameter.device, copy=True)

    def empty_state_tensors(self) -> dict[str, torch.Tensor]:
        """Zeros in the names and shapes of `state_tensors`, before the first step too."""
        return {
            f"{name}/{slot}": torch.zeros(())
            if slot == STEP
            else torch.zeros_like(self.parameters[name])
            for name, slot in self.slots()
        }

    def owners(self) -> dict[int, torch.optim.Optimizer]:
        """The optimiser of each parameter, by the parameter's id."""
        return {
            id(parameter): optimizer
            for optimizer in self.optimizers
            for parameter in optimizer.param_groups[0]["params"]
        }

    def slots(self) -> list[tuple[str, str]]:
        """(name of the parameter, what is remembered of it), for all."""
        owners = self.owners()
        return [
            (name, slot)
            for name, parameter in self.parameters.items()
            for slot in STATE_SLOTS[type(owners[id(parameter)])]
        ]


def rate_multiplier(update: int, config: TrainingConfig) -> float:
    """The share of the peak learning rate at `update` (0-based)."""
    if update < config.warmup_updates:
        return (update + 1) / config.warmup_updates
    decay_begin = config.decay_start * config.updates
    if update < decay_begin:
        return 1.0
    left = (config.updates - update) / max(config.updates - decay_begin, 1.0)
    return left if config.decay == "linear" else 0.5 - 0.5 * math.cos(math.pi * left)
