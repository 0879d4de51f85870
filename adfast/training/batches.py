"""Batches: windows of a history store as torch tensors, each a function of (seed, update)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from adfast.errors import InvalidArgument
from adfast.training.config import TrainingConfig

if TYPE_CHECKING:
    from adfast.histories import WindowSampler

FIELDS = ("observation", "action", "reward", "next_observation", "episode_step")


class BatchSource:
    """Draws the windows `[batch_size, context_length, ...]` that a recipe trains on.

    Raises `InvalidArgument` on construction when no history is long enough for a window.
    """

    def __init__(self, histories: WindowSampler, config: TrainingConfig, seed: int) -> None:
        self.histories = histories
        self.config = config
        self.seed = seed
        try:
            self(0)
        except InvalidArgument as error:
            raise InvalidArgument(f"training.context_length: {error}") from None

    def __call__(self, update: int) -> dict[str, torch.Tensor]:
        """The batch of `update`; valid until it is garbage, like any tensor."""
        windows = self.histories.sample(
            self.config.batch_size,
            self.config.context_length,
            seed=self.seed,
            draw=update,
            align=self.config.align,
            fields=FIELDS,
        )
        return {name: torch.from_numpy(array) for name, array in windows.items()}
