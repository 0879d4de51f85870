"""The settings of training. Free of torch, so that a recipe is checked without it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from adfast.config import MOST, Config, Count, CountOrNone, Threads
from adfast.models.config import Device, Precision

MOST_UPDATES = 99_999_999  # that a checkpoint's name has digits for

Beta = Annotated[float, Field(ge=0, lt=1)]


class TrainingConfig(Config):
    """How the model is fitted to the histories.

    Context lengths are transitions; the learning rate is constant after `warmup_updates` until
    `decay_start` (a share of all updates), then falls linearly to zero at the last update.
    """

    updates: int = Field(600, ge=1, le=MOST_UPDATES)
    batch_size: Count = 32
    context_length: int = Field(200, ge=2, le=MOST)
    align: Literal["episode", "step"] = "episode"
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: float = Field(
        2e-3, gt=0, le=1000
    )  # AdamW: all parameters, or all but Muon's matrices
    muon_learning_rate: float = Field(0.02, gt=0, le=1000)
    betas: Annotated[tuple[Beta, Beta], Field(strict=False)] = (0.9, 0.98)
    momentum: float = Field(0.95, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0, le=1000)
    warmup_updates: CountOrNone = 10
    decay_start: float = Field(0.5, ge=0, le=1)
    clip: float = Field(1.0, gt=0, le=1e30)  # the gradient's greatest L2 norm
    threads: Threads | None = None  # None: the fastest count, measured at the start
    device: Device = "auto"
    precision: Precision = "auto"  # of the blocks; the weights that are optimised stay float32
    compile: bool | Literal["auto"] = "auto"  # by torch.compile; "auto": on CUDA
    activation_checkpointing: bool = False  # compute blocks twice, for the longest contexts
    metrics_every: Count = 10
    checkpoint_every: Count = 200
    evaluate_every: Count | None = None  # None: no evaluation while training

    @property
    def last_checkpoint(self) -> str:
        """Name of the checkpoint that a training leaves at its end."""
        return checkpoint_name(self.updates)

    @model_validator(mode="after")
    def _warmup_fits(self) -> TrainingConfig:
        if "warmup_updates" not in self.model_fields_set:  # a default gives way to what was set
            shorter = min(self.warmup_updates, self.updates)
            object.__setattr__(self, "warmup_updates", shorter)
        if self.warmup_updates > self.updates:
            raise ValueError(
                f"warmup_updates must be at most updates ({self.updates}), "
                f"got {self.warmup_updates}; lower it or train longer"
            )
        return self


def checkpoint_name(update: int) -> str:
    """Name of the checkpoint after so many updates; names are in the order of the updates."""
    return f"update-{update:08d}.safetensors"
