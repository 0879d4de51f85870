"""ObservationEncoder: what tokens see of an observation, one class for each kind of it.

A discrete component looks up a row of the embedding's table. Real numbers are normalised and
projected: one matrix for the observation that is acted on, one for the final observation of the
episode before. What normalises them are constants of the data, kept with the weights. Of pictures
the features are projected so (`picture_features.py`).

Axes: C numbers that look up rows, W width; `...` is `[B, T]` or `[N]`.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from adfast.errors import InvalidArgument
from adfast.models.config import PictureEncoding
from adfast.models.frame_stack import frame_numbers, side_by_side
from adfast.models.noise import Noise
from adfast.models.picture_features import (
    ConvolutionFeatures,
    PatchFeatures,
    PictureFeatures,
    PixelFeatures,
)
from adfast.models.step_input import StepInput, can_examine
from adfast.tasks.observation import DiscreteObservation, ObservationSpec, RealObservation
from adfast.tasks.rendered_observation import RenderedObservation

LIMIT = 10.0  # of a normalised value: rare extremes must not drown everything else
MOST_NORMALISING = 1024  # pictures whose colours are looked at


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


class PictureEncoder(ObservationEncoder):
    """Two projections of the features of pictures to parts `[..., W]` of tokens.

    Pictures come as an agent reads them, or as what rows store of them. The final ones are looked
    at only where they are shown; on a device and in a compiled graph, where asking would be
    waiting, everywhere.
    """

    needs_normalising = True
    adds = True
    features_class: ClassVar[type[PictureFeatures]]

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
        assert observation.picture is not None, "chosen by it"
        self.observation, self.picture = observation, observation.picture
        self.frame_stack = frame_stack
        height, across, colours = self.picture
        seen = (height, across, colours * frame_stack)
        self.features = self.features_class(seen, width, dropout, generator)
        shape, std = (self.features.size, width), std / math.sqrt(self.features.size)
        self.now = nn.Parameter(torch.empty(shape).normal_(std=std, generator=generator))
        self.final = nn.Parameter(torch.empty(shape).normal_(std=std, generator=generator))

    def add_observation(self, token: Tensor, inputs: StepInput, noise: Noise | None) -> Tensor:
        """`token` plus the projection of the observation."""
        seen: Tensor = self.features(self.stacks(inputs), noise) @ self.now
        return token + seen.view_as(token)

    def add_final(self, token: Tensor, inputs: StepInput, noise: Noise | None) -> Tensor:
        """`token` plus the projection of the final observation, where it is shown."""
        shown, final = inputs.shows_final, inputs.previous_final_observation
        if can_examine(shown):
            final = final[shown]
            if not inputs.is_checked:
                self.require_readable(final)
            seen: Tensor = self.features(self.alone(self.pictures(final)), noise) @ self.final
            return token.index_put((shown,), seen, accumulate=True)
        pictures = self.pictures(final.flatten(0, shown.ndim - 1))
        seen = self.features(self.alone(pictures), noise) @ self.final
        return token + seen.view_as(token).masked_fill(~shown[..., None], 0.0)

    def require_readable(self, observation: Tensor) -> None:
        """Raise `InvalidArgument` unless all is finite, and within what rows store."""
        if observation.is_floating_point():
            require_finite(observation)
        sizes = self.observation.stored.sizes
        if sizes is not None and observation.ndim <= 3:  # those of pictures are more
            numbers = observation.long()
            if ((numbers < 0) | (numbers >= torch.tensor(sizes))).any():
                raise InvalidArgument(
                    f"observation must be below {sizes} in each component by the model's schema; "
                    "use the schema of the family that the data comes from"
                )

    def normalise_by(self, observation: np.ndarray) -> None:
        """Take from `observation` `[N, *shape]` of rows what colours are normalised by."""
        sample = observation[:: -(-len(observation) // MOST_NORMALISING)]
        pictures = self.pictures(torch.from_numpy(np.ascontiguousarray(sample)))
        self.features.normalise_by(self.alone(pictures))

    def stacks(self, inputs: StepInput) -> Tensor:
        """`[N, H, W, k * C]`: what each token sees of the observation and of those before it."""
        if inputs.frames is not None:
            return side_by_side(inputs.frames)
        pictures = self.pictures(inputs.observation.flatten(0, inputs.is_first.ndim - 1))
        if self.frame_stack == 1:
            return pictures
        return side_by_side(pictures[frame_numbers(inputs, self.frame_stack).flatten(0, 1)])

    def alone(self, pictures: Tensor) -> Tensor:
        """`[N, H, W, k * C]`: stacks of `pictures` `[N, H, W, C]` that are seen by themselves."""
        return pictures if self.frame_stack == 1 else pictures.repeat(1, 1, 1, self.frame_stack)

    def pictures(self, values: Tensor) -> Tensor:
        """`[N, H, W, C]` of observations `[N, ...]`, drawn where they are what rows store.

        That is done on the processor, which waits for a device that has them.
        """
        if values.shape[1:] != self.observation.read.shape:
            drawn = torch.from_numpy(self.observation.as_shown(values.cpu().numpy()))
            values = drawn.to(values.device)
        return values.reshape(-1, *self.picture)


class PatchEncoder(PictureEncoder):
    """Of patches."""

    features_class = PatchFeatures


class ConvolutionEncoder(PictureEncoder):
    """Of the paper's convolutions."""

    features_class = ConvolutionFeatures


class PixelEncoder(PictureEncoder):
    """Of all pixels at once: of rendered pictures, as `RealEncoder` is of recorded ones."""

    features_class = PixelFeatures


ENCODERS: dict[str, type[ObservationEncoder]] = {
    DiscreteObservation.kind: DiscreteEncoder,
    RealObservation.kind: RealEncoder,
    RenderedObservation.kind: PixelEncoder,
}
PICTURE_ENCODERS: dict[PictureEncoding, type[ObservationEncoder]] = {
    "patches": PatchEncoder,
    "convolutions": ConvolutionEncoder,
}


def encoder_of(
    observation: ObservationSpec, picture_encoder: PictureEncoding, frame_stack: int = 1
) -> type[ObservationEncoder]:
    """What a model has for `observation`: by its kind, and for pictures the one asked for.

    Raises `InvalidArgument` where others than its pictures were to be stacked.
    """
    if observation.picture is not None and picture_encoder in PICTURE_ENCODERS:
        return PICTURE_ENCODERS[picture_encoder]
    if frame_stack > 1:
        raise InvalidArgument(
            f"model.frame_stack must be 1 unless an encoder of pictures reads them, got "
            f"{frame_stack} for {observation.kind} observations and model.picture_encoder "
            f'"{picture_encoder}"'
        )
    return ENCODERS[observation.kind]
