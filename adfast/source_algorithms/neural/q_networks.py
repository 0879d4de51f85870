"""Networks that value actions by a picture, and by whether the episode has paid.

Axes: N pictures, A actions.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """Two convolutions, added to what they read."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`x` and what was found in it."""
        found: Tensor = self.inside(x)
        return x + found


def residual_network(colours: int) -> nn.Sequential:
    """The published one, of 32, 64 and 64 channels (Espeholt et al. 2018, arXiv 1802.01561)."""
    layers: list[nn.Module] = []
    for channels in (32, 64, 64):
        layers += [
            nn.Conv2d(colours, channels, 3, padding=1),
            nn.MaxPool2d(3, stride=2, padding=1),
            Residual(channels),
            Residual(channels),
        ]
        colours = channels
    return nn.Sequential(*layers, nn.ReLU(), nn.Flatten())


def small_network(colours: int) -> nn.Sequential:
    """Two strided convolutions."""
    return nn.Sequential(
        nn.Conv2d(colours, 16, 4, stride=4),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
    )


class QNetwork(nn.Module):
    """Action values float32 `[N, A]` of pictures uint8 `[N, H, W, C]` and flags `[N]`."""

    def __init__(
        self,
        kind: Literal["resnet", "small"],
        picture: tuple[int, int, int],
        num_actions: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        height, width, colours = picture
        self.eye = (residual_network if kind == "resnet" else small_network)(colours)
        with torch.no_grad():
            size = self.eye(torch.zeros(1, colours, height, width)).shape[1]
        self.inner = nn.Linear(size + 1, 256 if kind == "resnet" else 128)
        self.values = nn.Linear(self.inner.out_features, num_actions)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
                assert module.bias is not None, "as they are made here"
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.values.weight)  # nothing is worth anything yet

    def forward(self, pictures: Tensor, has_paid: Tensor) -> Tensor:
        """What each action is worth."""
        seen = self.eye(pictures.permute(0, 3, 1, 2).float() / 255.0 - 0.5)
        told = torch.cat([seen, has_paid.float()[:, None]], dim=1)
        values: Tensor = self.values(torch.relu(self.inner(told)))
        return values
