"""The residual stream of a model that reads histories, and what it does when that is pushed.

The stream is that before the first layer, and after each one, where the model chooses an action.

Axes: N histories, T transitions, W channels, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from adfast.models.inspection import Place, Watch
from adfast.models.layers.block import Block
from adfast.models.transformer import Transformer
from adfast.probes.attended.reading import read_histories
from adfast.random_streams import PROBE_DIRECTION, step_keys, stream_keys

MAX_TOKENS = 65_536  # of one pass


class Streams:
    """What `model` reads in `histories` `[N, T, ...]`, and does at `temperature` when pushed."""

    def __init__(
        self, model: Transformer, histories: Mapping[str, np.ndarray], temperature: float = 1.0
    ) -> None:
        self.model = model
        self.temperature = max(temperature, 1e-3)
        self._histories = histories
        self._each = model.config.tokens_per_transition
        count, length = histories["action"].shape
        rows = max(MAX_TOKENS // (length * self._each), 1)
        self._parts = [slice(first, first + rows) for first in range(0, count, rows)]
        self._memory: list[dict[tuple[int, Place], Tensor]] = []

    @property
    def depth(self) -> int:
        """How many streams there are: one more than layers."""
        return self.model.config.num_layers + 1

    def read(self) -> list[np.ndarray]:
        """float32 `[N, T, W]`: the stream at each depth."""
        seen: list[list[np.ndarray]] = [[] for _ in range(self.depth)]

        def look(layer: int, place: Place, value: Tensor) -> None:
            if place == "after" or (place == "before" and layer == 0):
                at = layer + (place == "after")
                seen[at].append(value[:, self._each - 1 :: self._each].float().cpu().numpy())

        for part in self._parts:
            self._pass(part, look)
        return [np.concatenate(parts) for parts in seen]

    def probabilities(self, depth: int = 0, push: np.ndarray | None = None) -> np.ndarray:
        """float64 `[N, T, A]` of actions, with `push` `[N, T, W]` added to the stream at `depth`.

        Each moment is pushed by itself: what it attends to of others is as if there were no pushes.
        """
        found = []
        for index, part in enumerate(self._parts):
            watch = None
            if push is not None:
                watch = self._pushing(depth, push[part], self._remembered()[index])
            logits = self._pass(part, watch).double() / self.temperature
            found.append(logits.softmax(dim=-1).cpu().numpy())
        return np.concatenate(found)

    def _pushing(
        self, depth: int, push: np.ndarray, memory: Mapping[tuple[int, Place], Tensor]
    ) -> Watch:
        delta = torch.tensor(push)

        def put(layer: int, place: Place, value: Tensor) -> Tensor | None:
            at = layer + (place == "after")
            if at == depth and (place == "after" or (place == "before" and layer == 0)):
                pushed = value.clone()
                pushed[:, self._each - 1 :: self._each] += delta.to(value)
                return pushed
            return memory[layer, place] if at >= depth and place in ("key", "value") else None

        return put

    def _remembered(self) -> list[dict[tuple[int, Place], Tensor]]:
        """Keys and values of each part, as they are without a push."""
        if not self._memory:
            for part in self._parts:
                kept: dict[tuple[int, Place], Tensor] = {}

                self._pass(part, partial(keep, kept))
                self._memory.append(kept)
        return self._memory

    def _pass(self, part: slice, watch: Watch | None) -> Tensor:
        histories = {name: values[part] for name, values in self._histories.items()}
        return read_histories(self.model, histories, watch=watch)


def keep(kept: dict[tuple[int, Place], Tensor], layer: int, place: Place, value: Tensor) -> None:
    """Put keys and values of each layer into `kept`."""
    if place in ("key", "value"):
        kept[layer, place] = value


def untrained(model: Transformer) -> Transformer:
    """A model of the same architecture that has seen nothing.

    Matrices that start at zero are drawn as the others are: a fresh model attends to its history,
    and mixes what it finds there, but has not learned how.
    """
    fresh = Transformer(model.config, model.schema, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for block in fresh.blocks:
            assert isinstance(block, Block)
            for matrix in (block.attention_out, block.feed_forward_out):
                matrix.normal_(std=matrix.shape[1] ** -0.5, generator=generator)
    return fresh.to(model.head.device)


def random_directions(like: np.ndarray) -> np.ndarray:
    """Float32 as `like` `[N, T, W]`: directions drawn for each history, as long as its entries."""
    count, _, width = like.shape
    offsets, masks = stream_keys(0, PROBE_DIRECTION, np.arange(count))
    keys = np.stack([step_keys(*word, width) for word in zip(offsets, masks, strict=True)])
    direction = ndtri((keys + 0.5) * 2.0**-32)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    length = np.linalg.norm(like, axis=-1, keepdims=True)
    return np.asarray(length * direction[:, None], np.float32)
