"""AttentionWeights: what each choice of a model attended to in the history before it.

The history is read once, in one pass over all of it, which computes what the model computed while
it acted; queries and keys are kept, and weights follow from them for the queries that are asked
for. Twin: the softmax of `attention.reference`, and `tests/reference/attention.py`.

Axes: L layers, H heads, T transitions, Q queries, D channels per head.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from adfast.errors import InvalidArgument
from adfast.models.inspection import Place
from adfast.models.transformer import Transformer
from adfast.probes.attended.reading import read_histories

QUERIES_AT_ONCE = 2**21  # times transitions: bounds the memory of the weights


class AttentionWeights:
    """The attention weights of `model` on a history: fields `[T, ...]`, as `step_inputs` reads."""

    def __init__(self, model: Transformer, history: Mapping[str, np.ndarray]) -> None:
        self.num_transitions = len(history["action"])
        self._config = model.config
        self._query: list[Tensor] = []  # of each layer [H, T, D]
        self._key: list[Tensor] = []  # of each layer [H, tokens, D]
        histories = {name: values[None] for name, values in history.items()}
        self.logits = read_histories(model, histories, watch=self._keep)[0]

    def _keep(self, _layer: int, place: Place, value: Tensor) -> None:
        heads = value[0].transpose(0, 1) if place in ("query", "key") else value
        if place == "query":
            # An action is predicted from the last token of its transition.
            per_transition = self._config.tokens_per_transition
            self._query.append(heads[:, per_transition - 1 :: per_transition])
        elif place == "key":
            groups = self._config.num_heads // self._config.resolved_num_kv_heads
            self._key.append(heads.repeat_interleave(groups, dim=0))

    @property
    def windows(self) -> tuple[int | None, ...]:
        """How many transitions each layer sees; None: all."""
        return self._config.layer_windows

    def in_parts(self, queries: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        """`queries` and their weights (see `of`), as many at once as the memory is to hold."""
        at_once = max(QUERIES_AT_ONCE // self.num_transitions, 1)
        for first in range(0, len(queries), at_once):
            part = queries[first : first + at_once]
            yield part, self.of(part)

    @torch.no_grad()
    def of(self, queries: np.ndarray) -> Tensor:
        """Float32 `[L, H, Q, T]`: how much of each head's attention goes to each transition.

        `queries` int `[Q]` are the transitions whose actions were chosen. A row sums to one; the
        tokens of a transition are added up. Raises `InvalidArgument` for one that is not there.
        """
        chosen = np.asarray(queries)
        outside = chosen[(chosen < 0) | (chosen >= self.num_transitions)]
        if outside.size:
            raise InvalidArgument(
                f"queries must be in 0..{self.num_transitions - 1}, the transitions of the "
                f"history, got {outside[0]}"
            )
        per_transition = self._config.tokens_per_transition
        index = torch.from_numpy(chosen.astype(np.int64)).to(self.logits.device)
        layers = []
        windows = self._config.layer_token_windows
        for q, k, window in zip(self._query, self._key, windows, strict=True):
            query = (index * per_transition + per_transition - 1)[:, None]
            key = torch.arange(k.shape[1], device=k.device)
            visible = key <= query
            if window is not None:
                visible &= key > query - window
            logits = q[:, index].float() @ k.float().transpose(-2, -1)
            logits = (logits * self._config.attention_scale).masked_fill(~visible, -torch.inf)
            weights = logits.softmax(dim=-1)
            layers.append(weights.unflatten(-1, (-1, per_transition)).sum(dim=-1))
        return torch.stack(layers)
