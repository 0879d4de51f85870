"""PictureEncoder: what tokens see of pictures, and which encoder a model has for an observation.

The features of a picture (`picture_features.py`) are projected as real numbers are: by one matrix
for the observation that is acted on, by one for the final observation of the episode before.

Axes: N pictures, H height, W width, C colours, k pictures of a stack; `...` is `[B, T]` or `[N]`.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from adfast.errors import InvalidArgument
from adfast.models.config import PictureEncoding
from adfast.models.embedding.frame_stack import frame_numbers, side_by_side
from adfast.models.embedding.observation_encoders import (
    DiscreteEncoder,
    ObservationEncoder,
    RealEncoder,
    require_finite,
)
from adfast.models.embedding.picture_features import (
    ConvolutionFeatures,
    PatchFeatures,
    PictureFeatures,
    PixelFeatures,
)
from adfast.models.embedding.step_input import StepInput, can_examine
from adfast.models.noise import Noise
from adfast.tasks.observation import DiscreteObservation, ObservationSpec, RealObservation
from adfast.tasks.rendered_observation import RenderedObservation

MOST_NORMALISING = 1024  # pictures whose colours are looked at


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
