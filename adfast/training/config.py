"""The settings of training. Free of torch, so that a recipe is checked without it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from adfast.config import MOST, Config, Count, CountOrNone, Threads
from adfast.models.config import Device, Precision

MOST_UPDATES = 99_999_999  # that a checkpoint's name has digits for

Beta = Annotated[float, Field(ge=0, lt=1)]
DataParallel = Literal["ddp", "fsdp"]
Objective = Literal["next-action", "optimal-action"]
OPTIMAL_ACTION = "optimal-action"  # the objective that needs labelled histories
NO_RETURN_OF_LABELS = (
    f'model.reads_return needs training.objective "next-action", got "{OPTIMAL_ACTION}": the '
    "return is of what was done, not of what had been right; set one of the two back"
)


class TrainingConfig(Config):
    """How the model is fitted to the histories.

    Context lengths are transitions; the learning rate is constant after `warmup_updates` until
    `decay_start` (a share of all updates), then falls to zero at the last update.
    """

    updates: int = Field(600, ge=1, le=MOST_UPDATES)
    """Steps of the optimizer."""

    objective: Objective = "next-action"
    """What is predicted: what the learner did next, or what it held right (collection.labels)."""

    batch_size: Count = 32
    """Windows of histories in an update."""

    context_length: int = Field(200, ge=2, le=MOST)
    """Transitions in a window."""

    packed: bool = False
    """Whether windows hold histories back to back, as many as fit, none of which sees another; else
    histories shorter than a window are never drawn."""

    align: Literal["episode", "step"] = "episode"
    """Where windows begin: at the beginnings of episodes, or at any step. Of packed ones the first
    history begins there, the others at their own beginning."""

    episode_order: Literal["as-learned", "shuffled"] = "as-learned"
    """In which order the episodes of a history are read: as they were, or one drawn for it."""

    rewards: Literal["own", "foreign"] = "own"
    """Whose rewards a history is read with: its own, or those of a history of another task."""

    optimizer: Literal["muon", "adamw"] = "muon"
    """AdamW for all parameters, or Muon for the blocks' matrices and AdamW for the rest."""

    learning_rate: float = Field(2e-3, gt=0, le=1000)
    """Of what AdamW optimises."""

    muon_learning_rate: float = Field(0.02, gt=0, le=1000)
    """Of what Muon optimises."""

    betas: Annotated[tuple[Beta, Beta], Field(strict=False)] = (0.9, 0.98)
    """Decay of AdamW's running means of the gradient and of its square."""

    momentum: float = Field(0.95, ge=0, lt=1)
    """Muon's momentum."""

    weight_decay: float = Field(0.0, ge=0, le=1000)
    """How fast parameters shrink by themselves, decoupled from the gradient."""

    warmup_updates: CountOrNone = 10
    """Updates over which the learning rates rise from zero."""

    decay_start: float = Field(0.5, ge=0, le=1)
    """Share of the updates after which the learning rates fall to zero."""

    decay: Literal["linear", "cosine"] = "linear"
    """How they fall there: in a line, or as half a cosine."""

    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of each target that is spread over all actions alike."""

    clip: float = Field(1.0, gt=0, le=1e30)
    """Greatest L2 norm of the gradient; a longer one is scaled down."""

    threads: Threads | None = None
    """Threads of the CPU; none: the fastest count, measured at the start."""

    device: Device = "auto"
    """Where the model is trained; auto: on CUDA where there is a card."""

    precision: Precision = "auto"
    """What the blocks compute in, while weights stay float32; auto: bfloat16 on CUDA."""

    data_parallel: DataParallel = "ddp"
    """What each of several processes (torchrun) has of a model: all of it, or (fsdp) a share."""

    context_ranks: Count = 1
    """Processes (torchrun) that each context is cut over; their number is a multiple of it."""

    compile: bool | Literal["auto"] = "auto"
    """Whether torch.compile is used; auto: on CUDA."""

    activation_checkpointing: bool = False
    """Whether blocks are computed twice, which saves memory in the longest contexts."""

    metrics_every: Count = 10
    """Updates from one line of the training log to the next."""

    checkpoint_every: Count = 200
    """Updates from one checkpoint to the next."""

    evaluate_every: Count | None = None
    """Updates from one short evaluation while training to the next; none: there is none."""

    @property
    def rearranges(self) -> bool:
        """Whether histories are read otherwise than they are stored."""
        return (self.episode_order, self.rewards) != ("as-learned", "own")

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
