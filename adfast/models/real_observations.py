"""RealObservations: observations that are real numbers, as parts of tokens.

Where a discrete component looks up a row of the table, real ones are normalised and projected: one
matrix for the observation that is acted on, one for the final observation of the episode before.
What normalises them are constants of the data, kept with the weights.

Axes: C components, W width; `...` is `[B, T]` or `[N]`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from adfast.errors import InvalidArgument
from adfast.tasks.transition_schema import RealObservation

LIMIT = 10.0  # of a normalised value: rare extremes must not drown everything else


class RealObservations(nn.Module):
    """Two projections of real observations `[..., *shape]` to parts `[..., W]` of tokens."""

    mean: Tensor
    scale: Tensor

    def __init__(
        self, observation: RealObservation, width: int, std: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        components = math.prod(observation.shape)
        self.register_buffer("mean", torch.zeros(components))
        self.register_buffer("scale", torch.ones(components))
        # A sum over C unit values then has the deviation of a row of the table.
        shape, std = (components, width), std / math.sqrt(components)
        self.now = nn.Parameter(torch.empty(shape).normal_(std=std, generator=generator))
        self.final = nn.Parameter(torch.empty(shape).normal_(std=std, generator=generator))

    def normalise_by(self, observation: np.ndarray) -> None:
        """Let tokens see `observation` `[N, *shape]`, a sample of the data, with unit deviation.

        Raises `InvalidArgument` where it is not finite.
        """
        values = torch.from_numpy(observation.reshape(len(observation), -1).astype(np.float64))
        if not values.isfinite().all():
            raise InvalidArgument(
                "real observations must be finite to be learned from, got nan or inf; "
                "leave such steps out, or wrap the environment so that it replaces them"
            )
        deviation = values.std(dim=0, correction=0)
        self.mean.copy_(values.mean(dim=0))
        self.scale.copy_(torch.where(deviation > 0, 1 / deviation, 1.0))  # a constant says nothing

    def of_observation(self, observation: Tensor, leading: torch.Size) -> Tensor:
        """`[..., W]`: what tokens `[...]` see of the observation that is acted on."""
        return self.normalised(observation, leading) @ self.now

    def of_final(self, final: Tensor, shows_final: Tensor) -> Tensor:
        """`[..., W]`: what tokens see of the episode before, zero unless `shows_final` `[...]`."""
        values = self.normalised(final, shows_final.shape)
        return values.masked_fill(~shows_final[..., None], 0.0) @ self.final

    def normalised(self, values: Tensor, leading: torch.Size) -> Tensor:
        """float32 `[..., C]` in units of the data's deviation."""
        flat = values.reshape(*leading, -1).to(self.mean.dtype)
        return ((flat - self.mean) * self.scale).clamp(-LIMIT, LIMIT)
