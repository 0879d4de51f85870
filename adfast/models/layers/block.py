"""Block: one layer of the transformer, computed in the dtype of its weights.

Output matrices start at zero, so that a fresh block passes its input on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adfast.models.config import ModelConfig
from adfast.models.inspection import Show
from adfast.models.layers.feed_forward import feed_forward
from adfast.models.layers.linear import linear
from adfast.models.layers.norm import with_norm
from adfast.models.layers.positions import Rotation, rotate
from adfast.models.noise import Noise, drop_entries

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
        show: Show | None = None,
    ) -> Tensor:
        """The residual stream after this block; `noise` draws the dropout, if there is any.

        `attend_packed` serves instead of `attend` where heads go to the attention as projected.
        With `show` every value is computed by itself, so that it can be looked at and replaced.
        """
        if show is not None:
            x = show("before", x)
            attend_packed = None
        heads = (attend, rotation, attend_packed, show)
        if self.config.norm == "pre":
            x, normal = with_norm(x, self.attention_norm)
            x = self.add_attended(x, self.attended(normal, *heads), noise, show)
            x, normal = with_norm(x, self.feed_forward_norm)
            x = self.add_feed_forward(x, normal, noise, show)
        else:
            x = self.add_attended(x, self.attended(x, *heads), noise, show)
            _, x = with_norm(x, self.attention_norm)
            x = with_norm(self.add_feed_forward(x, x, noise, show), self.feed_forward_norm)[1]
        return x if show is None else show("after", x)

    def attended(
        self,
        x: Tensor,
        attend: Attend,
        rotation: Rotation | None,
        attend_packed: AttendPacked | None,
        show: Show | None,
    ) -> Tensor:
        """What the heads attend to, side by side: `[..., width]`."""
        num_heads, num_kv_heads = self.config.num_heads, self.config.resolved_num_kv_heads
        projected = linear(x, self.query_key_value).unflatten(-1, (-1, self.config.head_dim))
        if attend_packed is not None and rotation is None and not self.config.qk_norm:
            return attend_packed(projected).flatten(-2)
        q, k, v = projected.split((num_heads, num_kv_heads, num_kv_heads), dim=-2)
        if self.config.qk_norm:
            scale = self.logit_scale.clamp(max=self.config.max_logit)
            q, k = F.normalize(q, dim=-1) * scale, F.normalize(k, dim=-1)
        if rotation is not None:
            q, k = rotate(q, rotation), rotate(k, rotation)
        if show is None:
            return attend(q, k, v).flatten(-2)
        q, k, v = show("query", q), show("key", k), show("value", v)
        return show("heads", attend(q, k, v)).flatten(-2)

    def add_attended(
        self, x: Tensor, attended: Tensor, noise: Noise | None, show: Show | None
    ) -> Tensor:
        """`x` plus the attention branch, whose heads are `attended`."""
        if show is None and not self.drops(noise):
            return linear(attended, self.attention_out, onto=x)
        branch = self.drop(linear(attended, self.attention_out), noise)
        return x + (branch if show is None else show("attention", branch))

    def add_feed_forward(
        self, x: Tensor, normal: Tensor, noise: Noise | None, show: Show | None
    ) -> Tensor:
        """`x` plus the feed-forward branch of `normal`."""
        matrices = (self.feed_forward_in, self.feed_forward_out)
        if show is None and not self.drops(noise):
            return feed_forward(normal, *matrices, onto=x)
        branch = self.drop(feed_forward(normal, *matrices), noise)
        return x + (branch if show is None else show("feed_forward", branch))

    def drops(self, noise: Noise | None) -> bool:
        """Whether branches are dropped out before they are added."""
        return noise is not None and self.config.dropout > 0.0

    def drop(self, x: Tensor, noise: Noise | None) -> Tensor:
        """`x` with a share `dropout` of its entries zeroed and the others scaled up."""
        if noise is None or not self.drops(noise):
            return x
        return drop_entries(x, noise, self.config.dropout)
