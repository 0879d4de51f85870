"""ObservationEncoder: what tokens see of an observation, one class for each kind of it.

A discrete component looks up a row of the embedding's table. Real numbers are normalised and
projected: one matrix for the observation that is acted on, one for the final observation of the
episode before. What normalises them are constants of the data, kept with the weights. Those of
pictures are in `picture_encoders.py`.

Axes: C numbers that look up rows, W width; `...` is `[B, T]` or `[N]`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from adfast.errors import InvalidArgument
from adfast.models.embedding.step_input import StepInput
from adfast.models.noise import Noise
from adfast.tasks.observation import DiscreteObservation, ObservationSpec

LIMIT = 10.0  # of a normalised value: rare extremes must not drown everything else


def require_finite(observation: Tensor) -> None:
    """Raise `InvalidArgument` unless all is finite."""
    if not observation.isfinite().all():
        raise InvalidArgument("observation must be finite, got nan or inf")


class ObservationEncoder(nn.Module):
    """Nothing seen. Subclasses say which rows of the table they look up, what they add, or both."""

    needs_normalising = False  # whether `normalise_by` has an effect
    adds = False  # whether tokens are more than the rows that are looked up

    def __init__(
        self,
        observation: ObservationSpec,
        width: int,
        std: float,
        generator: torch.Generator,
        dropout: float = 0.0,
        frame_stack: int = 1,
    ) -> None:
        super().__init__()

    @staticmethod
    def row_sizes(observation: ObservationSpec) -> tuple[int, ...]:
        """`[C]`: of each number that looks up a row of the table, how many values it has."""
        return ()

    def row_numbers(self, observation: Tensor) -> Tensor:
        """int64 `[..., C]`: those numbers; asked for where there are any."""
        raise NotImplementedError

    def add_observation(self, token: Tensor, inputs: StepInput, noise: Noise | None) -> Tensor:
        """`token` `[..., W]` plus what it sees of the observation that is acted on."""
        return token

    def add_final(self, token: Tensor, inputs: StepInput, noise: Noise | None) -> Tensor:
        """`token` `[..., W]` plus how the episode before ended, where that is shown."""
        return token

    def require_readable(self, observation: Tensor) -> None:
        """Raise `InvalidArgument` for what `add_observation` cannot take; rows are the table's."""

    def normalise_by(self, observation: np.ndarray) -> None:
        """Take from `observation` `[N, *shape]`, a sample of the data, what normalises it."""


class DiscreteEncoder(ObservationEncoder):
    """Each component looks up a row."""

    @staticmethod
    def row_sizes(observation: ObservationSpec) -> tuple[int, ...]:
        """The sizes of all components."""
        assert isinstance(observation, DiscreteObservation)
        return observation.sizes

    def row_numbers(self, observation: Tensor) -> Tensor:
        """All components."""
        return observation.long()


class RealEncoder(ObservationEncoder):
    """Two projections of real observations `[..., *shape]` to parts `[..., W]` of tokens."""

    needs_normalising = True
    adds = True
    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        observation: ObservationSpec,
        width: int,
        std: float,
        generator: torch.Generator,
        dropout: float = 0.0,
        frame_stack: int = 1,
    ) -> None:
        super().__init__(observation, width, std, generator, dropout, frame_stack)
        components = math.prod(observation.read.shape)
        self.register_buffer("mean", torch.zeros(components))
        self.register_buffer("scale", torch.ones(components))
        # A sum over all unit values then has the deviation of a row of the table.
        shape, std = (components, width), std / math.sqrt(components)
        self.now = nn.Parameter(torch.empty(shape).normal_(std=std, generator=generator))
        self.final = nn.Parameter(torch.empty(shape).normal_(std=std, generator=generator))

    def add_observation(self, token: Tensor, inputs: StepInput, noise: Noise | None) -> Tensor:
        """`token` plus the projection of the observation."""
        return token + self.normalised(inputs.observation, inputs.is_first.shape) @ self.now

    def add_final(self, token: Tensor, inputs: StepInput, noise: Noise | None) -> Tensor:
        """`token` plus the projection of the final observation, where it is shown."""
        values = self.normalised(inputs.previous_final_observation, inputs.is_first.shape)
        return token + values.masked_fill(~inputs.shows_final[..., None], 0.0) @ self.final

    def require_readable(self, observation: Tensor) -> None:
        """Raise `InvalidArgument` unless all is finite."""
        require_finite(observation)

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

    def normalised(self, values: Tensor, leading: torch.Size) -> Tensor:
        """float32 `[..., C]` in units of the data's deviation."""
        flat = values.reshape(*leading, -1).to(self.mean.dtype)
        return ((flat - self.mean) * self.scale).clamp(-LIMIT, LIMIT)
