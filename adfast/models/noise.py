"""Noise: the random masks of dropout and sequence masking, drawn again where they are recomputed.

Eagerly they come from a generator of their own, seeded for each pass. A compiled graph cannot take
a generator: there they come from torch's own, which whoever calls the graph seeds.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


class Noise:
    """Draws the masks of one forward pass from `generator`, or from torch's own if it is None."""

    def __init__(self, generator: torch.Generator | None) -> None:
        self.generator = generator

    def keep(self, like: Tensor, probability: float) -> Tensor:
        """Ones with `probability` and zeros, in the shape and dtype of `like`."""
        return torch.empty_like(like).bernoulli_(probability, generator=self.generator)


def drop_entries(x: Tensor, noise: Noise, share: float) -> Tensor:
    """`x` with a `share` of its entries zeroed and the others scaled up."""
    keep = 1.0 - share
    return x * (noise.keep(x, keep) / keep)


def recomputed(layer: Callable[[Tensor], Tensor], x: Tensor, noise: Noise | None) -> Tensor:
    """`layer(x)`, whose inner values are forgotten and computed again for the gradient.

    `noise` is what `layer` draws from; the second time it draws the same.
    """
    generator = None if noise is None else noise.generator
    if generator is None:
        again: Tensor = checkpoint(layer, x, use_reentrant=False)
        return again
    state = generator.get_state()

    def from_state(x: Tensor) -> Tensor:
        generator.set_state(state)
        return layer(x)

    replayed: Tensor = checkpoint(from_state, x, use_reentrant=False, preserve_rng_state=False)
    return replayed
