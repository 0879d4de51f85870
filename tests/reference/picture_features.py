"""What the encoders of pictures compute, as plain convolutions of whole pictures in float64."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn


def patches(pictures: np.ndarray, sides: tuple[int, ...]) -> np.ndarray:
    """`[M, S]`: the pixels of each finest patch, those of a coarser one after each other."""

    def finest(picture: np.ndarray, levels: tuple[int, ...]) -> list[np.ndarray]:
        if len(levels) == 1:
            return [picture.reshape(-1)]
        side = int(np.prod(levels[1:]))
        corners = product(range(0, len(picture), side), range(0, picture.shape[1], side))
        parts = (picture[r : r + side, c : c + side] for r, c in corners)
        return [patch for part in parts for patch in finest(part, levels[1:])]

    side = int(np.prod(sides))
    height, width = pictures.shape[1:3]
    padded = np.pad(pictures, ((0, 0), (0, -height % side), (0, -width % side), (0, 0)))
    return np.array([patch for picture in padded for patch in finest(picture, (1, *sides))])


def patch_features(features: nn.Module, pictures: Tensor) -> Tensor:
    """`[N, K]` of a `PatchFeatures`."""
    side = int(np.prod(features.sides))
    height, width = pictures.shape[1:3]
    padded = F.pad(pictures.double(), (0, 0, 0, -width % side, 0, -height % side))
    x = ((padded - features.mean.double()) * features.scale.double()).permute(0, 3, 1, 2)
    for level, (weight, bias) in enumerate(zip(features.weights, features.biases, strict=True)):
        size = 2 if level else features.sides[-1]
        kernel = weight.double().view(size, size, -1, len(bias)).permute(3, 2, 0, 1)
        x = F.conv2d(x, kernel, bias.double(), stride=size).relu()
    return x.permute(0, 2, 3, 1).flatten(1)


def convolution_features(features: nn.Module, pictures: Tensor) -> Tensor:
    """`[N, K]` of a `ConvolutionFeatures`."""
    x = ((pictures.double() - features.mean.double()) * features.scale.double()).permute(0, 3, 1, 2)
    for kernel, gain, bias in zip(features.kernels, features.gains, features.biases, strict=True):
        x = F.conv2d(x, kernel.double(), stride=2, padding=2)
        mean, variance = x.mean((1, 2, 3), True), x.var((1, 2, 3), correction=0, keepdim=True)
        x = (x - mean) / (variance + 1e-5).sqrt()
        x = (x * gain.double().view(-1, 1, 1) + bias.double().view(-1, 1, 1)).relu()
        right, below = x.shape[3] % 2, x.shape[2] % 2
        x = F.max_pool2d(F.pad(x, (0, right, 0, below)), 2)  # what is positive is more than 0
    return (x.flatten(1) @ features.weight.double() + features.bias.double()).relu()
