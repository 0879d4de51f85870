"""What a model sees in pictures: the numbers that become parts of tokens.

The ways from pixels to features, named by `model.picture_encoder`. None knows of the other
pictures of a batch, so that acting sees what training saw.

Axes: N pictures, H height, W width, C colours, M patches, K features.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adfast.models.embedding.patches import as_patches, project_patches
from adfast.models.noise import Noise, drop_entries, recomputed

Picture = tuple[int, int, int]  # height, width, colours

PATCH = 8  # pixels along each side of the finest patches
MOST_PLACES = 36  # where patches are joined no further
MOST_BYTES = 1 << 31  # of the first convolution of pictures that are looked at together
CHANNELS, KERNEL, NUM_CONVOLUTIONS, NUM_FEATURES = 128, 5, 3, 256  # of the paper


class PictureFeatures(nn.Module):
    """Pictures `[N, H, W, C]`, numbers from 0 to 255, as features `[N, K]` of about unit size."""

    size: int  # K
    mean: Tensor
    scale: Tensor

    def __init__(
        self, picture: Picture, width: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.register_buffer("mean", torch.full(picture[2:], 127.5))
        self.register_buffer("scale", torch.full(picture[2:], 1 / 127.5))

    def forward(self, pictures: Tensor, noise: Noise | None) -> Tensor:
        """The features; `noise` is what dropout draws by, None where nothing is dropped."""
        raise NotImplementedError

    def dropped(self, x: Tensor, noise: Noise | None) -> Tensor:
        """`x`, of which training drops a share."""
        return x if noise is None or not self.dropout else drop_entries(x, noise, self.dropout)

    def normalise_by(self, pictures: Tensor) -> None:
        """See the colours of `pictures`, a sample of the data, with unit deviation."""
        pixels = pictures.reshape(-1, pictures.shape[-1]).double()
        deviation = pixels.std(dim=0, correction=0)
        self.mean.copy_(pixels.mean(dim=0))
        self.scale.copy_(torch.where(deviation > 0, 1 / deviation, 1 / 127.5))


class PatchFeatures(PictureFeatures):
    """Patches of 8 x 8 pixels, projected; then 2 x 2 of these joined to one, level by level.

    No two overlap, and pixels are laid out so that whatever is joined lies side by side: each level
    is one product of matrices. Half of the model's width is kept of the finest patches, and the
    width of the others. What a picture lacks of whole patches is black.
    """

    def __init__(
        self, picture: Picture, width: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__(picture, width, dropout, generator)
        height, across, colours = picture
        num_levels, side = 1, PATCH
        while -(-height // side) * -(-across // side) > MOST_PLACES:
            num_levels, side = num_levels + 1, 2 * side
        self.sides = (*(2,) * (num_levels - 1), PATCH)  # of patches in the coarser's sides
        widths = [max(width // 2, 1), *[width] * (num_levels - 1)]
        inputs = [PATCH**2 * colours, *(4 * channels for channels in widths[:-1])]
        self.weights = nn.ParameterList(
            torch.empty(num, channels).normal_(std=math.sqrt(2 / num), generator=generator)
            for num, channels in zip(inputs, widths, strict=True)
        )
        self.biases = nn.ParameterList(torch.zeros(channels) for channels in widths)
        self.size = -(-height // side) * -(-across // side) * widths[-1]

    def forward(self, pictures: Tensor, noise: Noise | None) -> Tensor:
        """What is kept of the coarsest patches, side by side."""
        (weight, *weights), (bias, *biases) = self.weights, self.biases
        # Normalising is part of the product: pixels stay as they are.
        scale, mean = self.scale.repeat(PATCH**2), self.mean.repeat(PATCH**2)
        bias = bias - (mean * scale) @ weight
        x = project_patches(as_patches(pictures, self.sides), scale[:, None] * weight, bias)
        x = self.dropped(x, noise)
        for weight, bias in zip(weights, biases, strict=True):
            x = F.relu(torch.addmm(bias, x.view(-1, len(weight)), weight))
            x = self.dropped(x, noise)
        return x.view(len(pictures), self.size)


class PixelFeatures(PictureFeatures):
    """The pixels themselves."""

    def __init__(
        self, picture: Picture, width: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__(picture, width, dropout, generator)
        self.size = math.prod(picture)

    def forward(self, pictures: Tensor, noise: Noise | None) -> Tensor:
        """All of them, normalised."""
        return self.dropped(((pictures - self.mean) * self.scale).flatten(1), noise)


class ConvolutionFeatures(PictureFeatures):
    """The paper's: three blocks of convolution, norm, ReLU, pooling and dropout, then 256 features.

    The norm is of each picture by itself, where the paper's is of the batch: an agent has none.
    Sizes are rounded up, so that no picture is too small.

    Source: Laskin et al. 2022 (arXiv 2210.14215), Appendix.
    """

    def __init__(
        self, picture: Picture, width: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__(picture, width, dropout, generator)
        height, across, colours = picture
        self.size = NUM_FEATURES
        self.picture_bytes = 4 * CHANNELS * -(-height // 2) * -(-across // 2)  # of a convolution
        kernels, ones, zeros = [], [], []
        for channels in (colours, *[CHANNELS] * (NUM_CONVOLUTIONS - 1)):
            kernel = torch.empty(CHANNELS, channels, KERNEL, KERNEL)
            std = math.sqrt(2 / (channels * KERNEL**2))
            kernels.append(kernel.normal_(std=std, generator=generator))
            ones.append(torch.ones(CHANNELS))
            zeros.append(torch.zeros(CHANNELS))
        self.kernels, self.gains = nn.ParameterList(kernels), nn.ParameterList(ones)
        self.biases = nn.ParameterList(zeros)
        side = 4**NUM_CONVOLUTIONS  # pixels for each place that is left, as both halve
        num = -(-height // side) * -(-across // side) * CHANNELS
        self.weight = nn.Parameter(
            torch.empty(num, NUM_FEATURES).normal_(std=math.sqrt(2 / num), generator=generator)
        )
        self.bias = nn.Parameter(torch.zeros(NUM_FEATURES))

    def forward(self, pictures: Tensor, noise: Noise | None) -> Tensor:
        """What the last layer makes of all places.

        Of many pictures it is computed by pieces, and again for the gradient, for memory.
        """
        pieces = pictures.split(max(MOST_BYTES // self.picture_bytes, 1))
        seen = partial(self.seen, noise=noise)
        if len(pieces) == 1:
            return seen(pictures)
        keeps_none = torch.is_grad_enabled()
        return torch.cat([recomputed(seen, p, noise) if keeps_none else seen(p) for p in pieces])

    def seen(self, pictures: Tensor, noise: Noise | None) -> Tensor:
        """The features of a piece."""
        x = ((pictures - self.mean) * self.scale).permute(0, 3, 1, 2)  # colours last in memory
        for kernel, gain, bias in zip(self.kernels, self.gains, self.biases, strict=True):
            x = F.conv2d(x, kernel, stride=2, padding=KERNEL // 2)
            x = F.relu(F.group_norm(x, 1, gain, bias))
            x = F.max_pool2d(x, 2, ceil_mode=True)
            x = self.dropped(x, noise)
        return F.relu(torch.addmm(self.bias, x.flatten(1), self.weight))
