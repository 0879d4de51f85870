"""AttentionWeights: what each choice of a model attended to in the history before it.

The history is read once, in one pass over all of it, which computes what the model computed while
it acted; queries and keys are kept, and weights follow from them for the queries that are asked
for. Twin: the softmax of `attention.reference`, and `tests/reference/attention.py`.

Axes: L layers, H heads, T transitions, Q queries, D channels per head.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from adfast.attention import attention
from adfast.errors import InvalidArgument
from adfast.models.positions import rotation_at
from adfast.models.transformer import Transformer
from adfast.models.transition_embedding import step_inputs


class AttentionWeights:
    """The attention weights of `model` on a history: fields `[T, ...]`, as `step_inputs` reads."""

    @torch.no_grad()
    def __init__(self, model: Transformer, history: Mapping[str, np.ndarray]) -> None:
        self.num_transitions = len(history["action"])
        self._config = model.config
        self._layers: list[tuple[Tensor, Tensor]] = []  # q [H, T, D], k [H, tokens, D]
        tokens_per_transition = model.config.tokens_per_transition
        device = model.head.device
        batch = {
            name: torch.from_numpy(np.ascontiguousarray(values)).to(device)[None]
            for name, values in history.items()
        }
        x = model.embedding(step_inputs(batch)).view(1, -1, model.config.width)
        time = torch.arange(x.shape[1], device=device)
        x = model.add_positions(x, time).to(model.block_dtype)
        rotation = rotation_at(time, model.config)
        groups = model.config.num_heads // model.config.resolved_num_kv_heads
        for block, window in zip(model.blocks, model.config.layer_token_windows, strict=True):

            def attend(q: Tensor, k: Tensor, v: Tensor, window: int | None = window) -> Tensor:
                q, k, v = (values.transpose(1, 2) for values in (q, k, v))
                # An action is predicted from the last token of its transition.
                acting = q[0, :, tokens_per_transition - 1 :: tokens_per_transition]
                self._layers.append((acting, k[0].repeat_interleave(groups, dim=0)))
                scale = model.config.attention_scale
                return attention(q, k, v, window=window, scale=scale).transpose(1, 2)

            x = block(x, attend, rotation)
        self.logits = model.action_logits(x[0, tokens_per_transition - 1 :: tokens_per_transition])

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
        for (q, k), window in zip(self._layers, self._config.layer_token_windows, strict=True):
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
