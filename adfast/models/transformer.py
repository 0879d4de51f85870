"""Transformer: predicts the action of every transition from all that came before it.

The same blocks serve training and acting; what differs is the function that attends: `attention`
over whole windows, or `decode` against a `RingKVCache` (in `layer_step`). That the two compute the
same is a test.

Axes: B batch, T transitions, A actions, N environments, H heads, D channels per head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adfast.attention import (
    ContextShare,
    attention,
    attention_dropping,
    in_halo,
    packed_attention,
    require_backend_name,
)
from adfast.errors import InvalidArgument
from adfast.models.config import ModelConfig
from adfast.models.embedding.frame_stack import FrameStack
from adfast.models.embedding.picture_encoders import PictureEncoder
from adfast.models.embedding.step_input import StepInput, can_examine, step_inputs
from adfast.models.embedding.transition_embedding import TransitionEmbedding
from adfast.models.inspection import Watch, show_layer
from adfast.models.layer_step import step_layer
from adfast.models.layers.attending import along_tokens, with_others
from adfast.models.layers.block import Attend, AttendPacked, Block
from adfast.models.layers.norm import with_norm
from adfast.models.layers.positions import rotation_at
from adfast.models.noise import Noise, drop_entries, recomputed
from adfast.models.ring_kv_cache import RingKVCache
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import as_count, as_seed, require_kind

POSITION_SCALE = 0.02  # standard deviation of the initial learned positions


class Transformer(nn.Module):
    """Action logits from learning histories; its weights are a function of the arguments alone.

    Blocks compute in the dtype of their weights, which may be bfloat16; tokens and logits are
    float32. `attention_backend` is at first that of the configuration; set it to attend by another.
    With `recomputes_blocks` the gradient computes each block again instead of keeping its inner
    values, for memory. `gathered_dtype` is what the weights of a model that is split over processes
    have while they are gathered, where it is another than they are kept in.
    """

    def __init__(self, config: ModelConfig, schema: TransitionSchema, seed: int) -> None:
        super().__init__()
        require_kind("config", config, ModelConfig, "a ModelConfig")
        require_kind("schema", schema, TransitionSchema, "a TransitionSchema")
        seed = as_seed("seed", seed)
        self.config = config
        self.schema = schema.unlabelled
        require_backend_name(config.attention_backend)
        self.attention_backend = config.attention_backend
        self.recomputes_blocks = False
        self.gathered_dtype: torch.dtype | None = None
        generator = torch.Generator().manual_seed(seed)
        self.embedding = TransitionEmbedding(
            schema,
            config.width,
            config.layout,
            generator,
            reads_rewards=config.reads_rewards,
            reads_return=config.reads_return,
            is_set=config.context == "set",
            picture_encoder=config.picture_encoder,
            picture_dropout=config.picture_dropout,
            frame_stack=config.frame_stack,
        )
        if config.num_learned_positions is not None:
            num_positions = config.num_learned_positions * config.tokens_per_transition
            self.positions = nn.Parameter(
                torch.empty(num_positions, config.width).normal_(
                    std=POSITION_SCALE, generator=generator
                )
            )
        self.blocks = nn.ModuleList(Block(config, generator) for _ in range(config.num_layers))
        if config.sequence_mask > 0.0:
            # Not zeros: normalised layer by layer ("post"), these have gradients without bound.
            self.blank_token = nn.Parameter(torch.empty(config.width).normal_(generator=generator))
        self.final_norm = nn.LayerNorm(config.width, bias=False)
        self.head = nn.Parameter(torch.zeros(schema.num_actions, config.width))

    def __repr__(self) -> str:
        config = self.config
        windows = sorted(set(config.layer_token_windows), key=lambda window: window or 0)
        seen = " and ".join("all" if window is None else f"{window:,}" for window in windows)
        count = sum(parameter.numel() for parameter in self.parameters())
        return (
            f"<Transformer: {count:,} parameters, {config.num_layers} layers of width "
            f"{config.width} with {config.num_heads} heads that see {seen} tokens, "
            f"{str(self.block_dtype).removeprefix('torch.')} on {self.head.device}; {self.schema}>"
        )

    def forward(
        self,
        batch: Mapping[str, Tensor],
        *,
        dropout_seed: int | None = None,
        watch: Watch | None = None,
        share: ContextShare | None = None,
    ) -> Tensor:
        """Logits `[B, T, A]` of the actions of sampled windows (see `step_inputs` for `batch`).

        With a `share` they are of its transitions alone, `[B, share, A]`: the others are computed
        by the other processes of its group, all of which must be given the same whole `batch`.

        `dropout_seed` keys dropout and sequence masking, which act only in training mode; raises
        `InvalidArgument` when they are on and it is missing. Compiled, they draw from torch's own
        generator instead. `watch` sees what each layer and head reads and writes, and may replace
        it (`inspection.py`); blocks are not recomputed then.
        """
        tokens_per_transition = self.config.tokens_per_transition
        inputs = step_inputs(batch, is_set=self.config.context == "set")
        noise = self.noise(dropout_seed)
        x = self.embedded(inputs, noise, share)
        tokens = None if share is None else share.times(tokens_per_transition)
        first = 0 if tokens is None else tokens.first
        time = torch.arange(first, first + x.shape[1], device=x.device)
        position, document_start = time, batch.get("document_start")
        if document_start is not None:
            document_start = (document_start * tokens_per_transition).repeat_interleave(
                tokens_per_transition, dim=1
            )[:, first : first + x.shape[1]]
            position = time - document_start
        x = self.add_positions(x, position)
        if noise is not None and self.config.sequence_mask > 0.0:
            seen = 1.0 - self.config.sequence_mask
            x = torch.where(noise.keep(x[..., :1], seen) > 0.0, x, self.blank_token)

        x = x.to(self.block_dtype)
        rotation = rotation_at(time, self.config)
        windows = self.config.layer_token_windows
        for index, (block, window) in enumerate(zip(self.blocks, windows, strict=True)):
            attend, attend_packed = self.attending(window, document_start, noise, tokens)
            layer = partial(
                block,
                attend=attend,
                rotation=rotation,
                noise=noise,
                attend_packed=attend_packed,
                show=show_layer(watch, index),
            )
            recomputes = self.recomputes_blocks and watch is None
            x = recomputed(layer, x, noise) if recomputes else layer(x)
        if tokens_per_transition > 1:  # the last token of each transition predicts
            x = x[:, tokens_per_transition - 1 :: tokens_per_transition]
        return self.action_logits(x)

    def embedded(
        self, inputs: StepInput, noise: Noise | None, share: ContextShare | None
    ) -> Tensor:
        """The tokens `[B, T, width]` of `inputs`, of a `share` alone where there is one."""
        num_before = 0  # transitions before the share, of which its first stacks of pictures are
        if share is not None:
            num_before = min(share.first, self.config.frame_stack - 1)
            inputs = inputs.between(share.first - num_before, share.last)
        x: Tensor = self.embedding(inputs, noise).view(len(inputs.is_first), -1, self.config.width)
        return x[:, num_before * self.config.tokens_per_transition :]

    def attending(
        self,
        window: int | None,
        document_start: Tensor | None,
        noise: Noise | None,
        share: ContextShare | None,
    ) -> tuple[Attend, AttendPacked | None]:
        """How a layer of that window attends over whole windows, also to heads as projected.

        Heads are not attended as projected where keys of other processes stand before them.
        """
        scale, dropped = self.config.attention_scale, self.config.attention_dropout
        if share is not None and document_start is not None:
            document_start = in_halo(document_start, share, window)
        seen: dict[str, Any] = {"window": window, "document_start": document_start, "scale": scale}
        attend: Attend
        packed: AttendPacked | None = None
        if noise is not None and dropped > 0.0:
            drop = partial(drop_entries, noise=noise, share=dropped)
            attend = along_tokens(attention_dropping, drop=drop, **seen)
        else:
            seen |= {"logit_bound": self.config.logit_bound, "backend": self.attention_backend}
            attend = along_tokens(attention, **seen)
            packed = partial(packed_attention, num_heads=self.config.num_heads, **seen)
        if share is not None:
            return with_others(attend, share, window), None
        return attend, packed

    @torch.no_grad()
    def step(
        self,
        inputs: StepInput,
        cache: RingKVCache,
        active: Tensor | None = None,
        *,
        watch: Watch | None = None,
    ) -> Tensor:
        """Logits `[N, A]` of the next action in N environments; moves `cache` on by a transition.

        Environments outside `active` (bool `[N]`; None: all are in it) stay where they are, and
        their logits mean nothing. `watch` is that of `forward`, for each token of the transition.

        Raises `InvalidArgument` unless `inputs.is_first` is `cache.is_first`: the cache knows who
        begins a history.
        """
        is_examined = not inputs.is_checked and can_examine(inputs.is_first)
        if is_examined and not inputs.is_first.equal(cache.is_first):
            raise InvalidArgument(
                "is_first must be that of the cache, which knows who begins a history; "
                "pass cache.is_first and reset environments through cache.reset"
            )
        if cache.frame_stack is not None:
            encoder = self.embedding.encoder
            assert isinstance(encoder, PictureEncoder), "others have no stacks"
            pictures = encoder.pictures(inputs.observation)
            inputs = replace(inputs, frames=cache.frame_stack.show(pictures, inputs, active))
        tokens = self.embedding(inputs).view(cache.num_environments, -1, self.config.width)
        for x in tokens.unbind(1):
            x = self.add_positions(x, cache.step - cache.start).to(self.block_dtype)
            rotation = rotation_at(cache.step, self.config)
            for index, (block, layer_cache) in enumerate(
                zip(self.blocks, cache.layers, strict=True)
            ):
                assert isinstance(block, Block)
                show = show_layer(watch, index)
                clocks = (cache.step, cache.start)
                backend = self.attention_backend
                x = step_layer(block, x, layer_cache, *clocks, rotation, backend, show)
            cache.advance(active)
        return self.action_logits(x)

    def new_cache(self, num_environments: int, dtype: torch.dtype | None = None) -> RingKVCache:
        """An empty cache with which `step` acts in `num_environments` environments.

        Keys and values are kept in `dtype`, by default that of the blocks.
        """
        num_environments = as_count("num_environments", num_environments)
        dtype = dtype or self.block_dtype
        cache = RingKVCache(self.config, num_environments, self.head.device, dtype)
        picture = self.embedding.schema.observation.picture
        if self.config.frame_stack > 1 and picture is not None:
            size, device = self.config.frame_stack, self.head.device
            cache.frame_stack = FrameStack(num_environments, size, picture, device)
        return cache

    @property
    def block_dtype(self) -> torch.dtype:
        """What the blocks compute in."""
        if self.gathered_dtype is not None:
            return self.gathered_dtype
        first: Block = self.blocks[0]  # type: ignore[assignment]
        return first.query_key_value.dtype

    def action_logits(self, x: Tensor) -> Tensor:
        """Float32 logits `[..., A]` of the residual stream `[..., width]` after the last block."""
        return F.linear(with_norm(x.to(self.head.dtype), self.final_norm)[1], self.head)

    def noise(self, dropout_seed: int | None) -> Noise | None:
        """The masks of this pass; None when nothing is dropped."""
        config = self.config
        shares = (
            config.dropout,
            config.attention_dropout,
            config.sequence_mask,
            config.picture_dropout,
        )
        if not self.training or not any(shares):
            return None
        if torch.compiler.is_compiling():
            return Noise(None)
        if dropout_seed is None:
            raise InvalidArgument(
                "dropout_seed must be given to train with a dropout or sequence_mask; "
                "pass a number that differs per update, or call eval()"
            )
        return Noise(torch.Generator(self.head.device).manual_seed(dropout_seed))

    def add_positions(self, x: Tensor, position: Tensor) -> Tensor:
        """`x` plus the learned rows of `position`; raises `InvalidArgument` past the last one.

        On a device, and compiled, it is torch's own look-up that refuses.
        """
        if self.config.num_learned_positions is None:
            return x
        if can_examine(position) and int(position.max()) >= len(self.positions):
            raise InvalidArgument(
                f"num_learned_positions is {self.config.num_learned_positions} transitions and "
                "the history is longer; raise it, or use another position_encoding"
            )
        return x + self.positions[position]
