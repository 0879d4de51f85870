"""Batches: windows of histories as torch tensors, each a function of (seed, update)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from adfast.errors import InvalidArgument
from adfast.models.transition_embedding import require_in_range
from adfast.training.config import TrainingConfig

if TYPE_CHECKING:
    from adfast.histories.windows import Align, Undrawn
    from adfast.tasks.transition_schema import TransitionSchema

FIELDS = ("observation", "action", "reward", "next_observation", "episode_step")


class Batches(Protocol):
    """Where a training takes its batches from; each is a function of its update."""

    def __call__(self, update: int) -> dict[str, torch.Tensor]:
        """The batch of `update`, name -> `[B, T, ...]`."""

    def fill(self, update: int, out: Mapping[str, np.ndarray]) -> None:
        """Write the same batch into `out`."""

    @property
    def identity(self) -> dict[str, Any]:
        """JSON-ready: what tells these batches from those of other histories."""

    def undrawn(self) -> Undrawn:
        """The histories of which no batch can hold a window; of a live ring, those seen last."""


class Windows(Protocol):
    """Where windows come from: a history store, a ring buffer, or a live ring."""

    def sample(
        self,
        batch_size: int,
        length: int,
        *,
        seed: int,
        draw: int,
        align: Align,
        fields: Iterable[str],
        out: Mapping[str, np.ndarray] | None,
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: as `adfast.histories.WindowSampler.sample`."""

    @property
    def identity(self) -> dict[str, Any]:
        """JSON-ready: what tells these histories from others."""

    def undrawn(self, length: int, *, align: Align) -> Undrawn:
        """As `adfast.histories.WindowSampler.undrawn`."""


class BatchSource:
    """Draws the windows `[batch_size, context_length, ...]` that a recipe trains on.

    Raises `InvalidArgument` for a batch when no history is long enough for its windows.
    """

    def __init__(self, histories: Windows, config: TrainingConfig, seed: int) -> None:
        self.histories = histories
        self.config = config
        self.seed = seed

    def __call__(self, update: int) -> dict[str, torch.Tensor]:
        """The batch of `update`; valid until it is garbage, like any tensor."""
        return {name: torch.from_numpy(array) for name, array in self._sample(update).items()}

    def fill(self, update: int, out: Mapping[str, np.ndarray]) -> None:
        """Write the batch of `update` into `out`, which has its names, shapes and dtypes."""
        self._sample(update, out)

    @property
    def identity(self) -> dict[str, Any]:
        """What tells the histories from others."""
        return self.histories.identity

    def undrawn(self) -> Undrawn:
        """The histories that hold no window of the context length."""
        return self.histories.undrawn(self.config.context_length, align=self.config.align)

    def _sample(
        self, update: int, out: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        try:
            return self.histories.sample(
                self.config.batch_size,
                self.config.context_length,
                seed=self.seed,
                draw=update,
                align=self.config.align,
                fields=FIELDS,
                out=out,
            )
        except InvalidArgument as error:
            raise InvalidArgument(f"training.context_length: {error}") from None


def check_values(batch: Mapping[str, np.ndarray], schema: TransitionSchema) -> None:
    """Raise `InvalidArgument` for the first value of a batch that `schema` has no meaning for.

    The embedding checks what it sees on the processor; this is for batches that go to a device,
    which would look up another row without a word.
    """
    limits: list[tuple[str, np.ndarray, int]] = [
        ("action", batch["action"], schema.num_actions),
        ("episode_step", batch["episode_step"], schema.episode_length),
    ]
    for name in ("observation", "next_observation"):
        if schema.real_observation is not None and not np.isfinite(batch[name]).all():
            raise InvalidArgument(f"{name} must be finite, got nan or inf")
        for component, size in enumerate(schema.observation_sizes):
            limits.append((f"{name}[{component}]", batch[name][..., component], size))
    for name, values, size in limits:
        require_in_range(name, values, size)


def describe_undrawn(undrawn: Undrawn, config: TrainingConfig) -> str:
    """A sentence for who trains as `config` says, with the way out."""
    window = f"window of training.context_length = {config.context_length} transitions"
    ways_out = "shorten the context, or train on longer histories"
    if config.align == "episode":
        window += " that begins with an episode"
        ways_out += '; with training.align = "step" it may begin anywhere'
    return (
        f"{undrawn.histories:,} of {undrawn.all_histories:,} histories ({undrawn.transitions:,} "
        f"of {undrawn.all_transitions:,} transitions) are never drawn: they hold no {window}; "
        f"{ways_out}"
    )
