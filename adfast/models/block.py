"""Block: one layer of the transformer, computed in the dtype of its weights.

Output matrices start at zero, so that a fresh block passes its input on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adfast.models.config import ModelConfig
from adfast.models.noise import Noise
from adfast.models.positions import Rotation, rotate

# Attended values [..., H, D] of queries [..., H, D], keys and values [..., H_kv, D].
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
# The same of the heads [..., H + 2 H_kv, D] of all three side by side.
AttendPacked = Callable[[Tensor], Tensor]


class Block(nn.Module):
    """Attention and a feed-forward network, each added to the residual stream `[..., width]`."""

    def __init__(self, config: ModelConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        width, head_dim = config.width, config.head_dim
        num_heads, num_kv_heads = config.num_heads, config.resolved_num_kv_heads

        def random_matrix(rows: int, columns: int) -> nn.Parameter:
            return nn.Parameter(
                torch.empty(rows, columns).normal_(std=columns**-0.5, generator=generator)
            )

        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.query_key_value = random_matrix((num_heads + 2 * num_kv_heads) * head_dim, width)
        self.attention_out = nn.Parameter(torch.zeros(width, width))
        self.feed_forward_norm = nn.LayerNorm(width, bias=False)
        self.feed_forward_in = random_matrix(config.feed_forward_width, width)
        self.feed_forward_out = nn.Parameter(torch.zeros(width, config.feed_forward_width))
        if config.qk_norm:
            self.logit_scale = nn.Parameter(torch.full((num_heads, 1), head_dim**0.5))

    def forward(
        self,
        x: Tensor,
        attend: Attend,
        rotation: Rotation | None = None,
        noise: Noise | None = None,
        attend_packed: AttendPacked | None = None,
    ) -> Tensor:
        """The residual stream after this block; `noise` draws the dropout, if there is any.

        `attend_packed` serves instead of `attend` where heads go to the attention as projected.
        """
        heads = (attend, rotation, attend_packed)
        if self.config.norm == "pre":
            x = x + self.drop(self.attend(self.attention_norm(x), *heads), noise)
            return x + self.drop(self.feed_forward(self.feed_forward_norm(x)), noise)
        x = self.attention_norm(x + self.drop(self.attend(x, *heads), noise))
        normed: Tensor = self.feed_forward_norm(x + self.drop(self.feed_forward(x), noise))
        return normed

    def attend(
        self,
        x: Tensor,
        attend: Attend,
        rotation: Rotation | None,
        attend_packed: AttendPacked | None,
    ) -> Tensor:
        """The attention branch."""
        num_heads, num_kv_heads = self.config.num_heads, self.config.resolved_num_kv_heads
        projected = F.linear(x, self.query_key_value).unflatten(-1, (-1, self.config.head_dim))
        if attend_packed is not None and rotation is None and not self.config.qk_norm:
            return F.linear(attend_packed(projected).flatten(-2), self.attention_out)
        q, k, v = projected.split((num_heads, num_kv_heads, num_kv_heads), dim=-2)
        if self.config.qk_norm:
            scale = self.logit_scale.clamp(max=self.config.max_logit)
            q, k = F.normalize(q, dim=-1) * scale, F.normalize(k, dim=-1)
        if rotation is not None:
            q, k = rotate(q, rotation), rotate(k, rotation)
        return F.linear(attend(q, k, v).flatten(-2), self.attention_out)

    def feed_forward(self, x: Tensor) -> Tensor:
        """The feed-forward branch."""
        return F.linear(F.gelu(F.linear(x, self.feed_forward_in)), self.feed_forward_out)

    def drop(self, x: Tensor, noise: Noise | None) -> Tensor:
        """`x` with a share `dropout` of its entries zeroed and the others scaled up."""
        if noise is None or self.config.dropout == 0.0:
            return x
        keep = 1.0 - self.config.dropout
        return x * (noise.keep(x, keep) / keep)
