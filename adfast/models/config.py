"""ModelConfig: the settings of the transformer. Imports no torch."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from adfast.config import Config, Count

Layout = Literal["one-token", "three-token"]
PositionEncoding = Literal["none", "rope", "partial-rope", "learned"]
Device = Literal["auto", "cpu", "cuda"]  # "auto": CUDA where there is one
Precision = Literal["auto", "float32", "bfloat16"]  # "auto": bfloat16 on CUDA
CachePrecision = Literal["float32", "bfloat16"]


class ModelConfig(Config):
    """Shape and options of the transformer; the defaults learn Dark Room in minutes on a CPU."""

    num_layers: Count = 2
    width: Count = 64
    num_heads: Count = 2
    num_kv_heads: Count | None = Field(
        default=None, description="key and value heads shared by groups of heads; none: num_heads"
    )
    feed_forward_width: Count = 256
    layout: Layout = Field(
        default="one-token",
        description='tokens per transition: "one-token" sums its embeddings, '
        '"three-token" is the layout of the paper',
    )
    norm: Literal["pre", "post"] = "pre"
    position_encoding: PositionEncoding = "none"
    rope_base: float = Field(default=10_000.0, gt=1.0)
    num_learned_positions: Count | None = Field(
        default=None,
        description='transitions that position_encoding "learned" has a row for; '
        "a history cannot be longer",
    )
    qk_norm: bool = False
    max_logit: float = Field(
        default=32.0, gt=0.0, description="bound of a logit's magnitude under qk_norm"
    )
    attention_window: Count | list[Count | None] | None = Field(
        default=256,
        description="transitions that a token attends to, itself included; "
        "none: the whole history; a list: one per layer",
    )
    attention_backend: str = Field(
        default="auto",
        description="what computes the attention: a name of `adfast.attention.BACKENDS`, or auto",
    )
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    sequence_mask: float = Field(
        default=0.0, ge=0.0, lt=1.0, description="probability that a training token is blanked"
    )

    @model_validator(mode="after")
    def check_divisions(self) -> Self:
        """Refuse shapes that do not divide and options that contradict each other."""
        if self.width % self.num_heads:
            raise ValueError(
                f"width must be a multiple of num_heads, got {self.width} and {self.num_heads}"
            )
        if self.num_heads % self.resolved_num_kv_heads:
            raise ValueError(
                "num_heads must be a multiple of num_kv_heads, "
                f"got {self.num_heads} and {self.num_kv_heads}"
            )
        divisor = {"rope": 2, "partial-rope": 4}.get(self.position_encoding, 1)
        if self.head_dim % divisor:
            raise ValueError(
                f'position_encoding "{self.position_encoding}" needs a head width (width / '
                f"num_heads) that is a multiple of {divisor}, got {self.head_dim}"
            )
        if (self.position_encoding == "learned") != (self.num_learned_positions is not None):
            raise ValueError(
                'num_learned_positions goes with position_encoding "learned": set both or neither'
            )
        windows = self.attention_window
        if isinstance(windows, list) and len(windows) != self.num_layers:
            raise ValueError(
                f"attention_window must list one window per layer ({self.num_layers}), "
                f"got {len(windows)}"
            )
        return self

    @property
    def head_dim(self) -> int:
        """Channels of one head."""
        return self.width // self.num_heads

    @property
    def resolved_num_kv_heads(self) -> int:
        """Key and value heads: `num_kv_heads`, or `num_heads`."""
        return self.num_kv_heads or self.num_heads

    @property
    def attention_scale(self) -> float:
        """What multiplies the product of a query and a key."""
        return 1.0 if self.qk_norm else float(self.head_dim**-0.5)

    @property
    def logit_bound(self) -> float | None:
        """What no logit exceeds in magnitude, if that is known."""
        return self.max_logit if self.qk_norm else None

    @property
    def tokens_per_transition(self) -> int:
        """1 or 3."""
        return 3 if self.layout == "three-token" else 1

    @property
    def layer_windows(self) -> tuple[int | None, ...]:
        """Each layer's attention window in transitions; None sees the whole history."""
        if isinstance(self.attention_window, list):
            return tuple(self.attention_window)
        return (self.attention_window,) * self.num_layers

    @property
    def layer_token_windows(self) -> tuple[int | None, ...]:
        """Each layer's attention window in tokens."""
        return tuple(
            None if window is None else window * self.tokens_per_transition
            for window in self.layer_windows
        )

    @property
    def receptive_field(self) -> int | None:
        """Transitions, the present one included, that a prediction can depend on; None: all."""
        tokens = 1
        for window in self.layer_token_windows:
            if window is None:
                return None
            tokens += window - 1
        return -(-tokens // self.tokens_per_transition)
