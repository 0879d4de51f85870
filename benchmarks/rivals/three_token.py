"""The layout of the paper, three tokens per transition, with torch's own causal attention.

The same function as adfast's transformer with `layout="three-token"` and no attention window, which
the workload checks; written with plain torch operations around the same embedding.

Axes: B batch, T transitions, H heads, D channels per head.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.engine import ModelConfig, TransitionEmbedding, TransitionSchema, step_inputs

TOKENS = 3


class ThreeTokenBlock(nn.Module):
    """Pre-norm attention and feed-forward network."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.feed_forward_width
        self.num_heads = config.num_heads
        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.query_key_value = nn.Parameter(torch.randn(3 * width, width) * width**-0.5)
        self.attention_out = nn.Parameter(torch.zeros(width, width))
        self.feed_forward_norm = nn.LayerNorm(width, bias=False)
        self.feed_forward_in = nn.Parameter(torch.randn(hidden, width) * width**-0.5)
        self.feed_forward_out = nn.Parameter(torch.zeros(width, hidden))

    def forward(self, x: Tensor) -> Tensor:
        """The residual stream `[B, 3T, width]` after this block."""
        projected = F.linear(self.attention_norm(x), self.query_key_value)
        q, k, v = projected.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(attended.transpose(1, 2).flatten(-2), self.attention_out)
        hidden = F.gelu(F.linear(self.feed_forward_norm(x), self.feed_forward_in))
        return x + F.linear(hidden, self.feed_forward_out)


class ThreeTokenTransformer(nn.Module):
    """Action logits from learning histories, as adfast's `Transformer` gives them.

    Of `config` it reads width, heads, layers and feed-forward width; it attends to all the past.
    """

    def __init__(self, config: ModelConfig, schema: TransitionSchema) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.embedding = TransitionEmbedding(schema, config.width, "three-token", generator)
        self.blocks = nn.ModuleList(ThreeTokenBlock(config) for _ in range(config.num_layers))
        self.final_norm = nn.LayerNorm(config.width, bias=False)
        self.head = nn.Parameter(torch.zeros(schema.num_actions, config.width))

    def forward(self, batch: Mapping[str, Tensor], *, dropout_seed: int | None = None) -> Tensor:
        """Logits `[B, T, A]`; `dropout_seed` is of no account, as nothing is dropped."""
        x = self.embedding(step_inputs(batch)).flatten(1, 2)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.final_norm(x[:, TOKENS - 1 :: TOKENS]), self.head)
