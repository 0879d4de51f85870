"""ModelConfig: the settings of the transformer. Imports no torch."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from adfast.config import Config, Count

Layout = Literal["one-token", "three-token"]
Context = Literal["sequence", "set"]
PositionEncoding = Literal["none", "rope", "partial-rope", "learned"]
PictureEncoding = Literal["patches", "convolutions", "projection"]
Device = Literal["auto", "cpu", "cuda"]  # "auto": CUDA where there is one
Precision = Literal["auto", "float32", "bfloat16"]  # "auto": bfloat16 on CUDA
CachePrecision = Literal["float32", "bfloat16"]


class ModelConfig(Config):
    """Shape and options of the transformer; the defaults learn Dark Room in minutes on a CPU."""

    num_layers: Count = 2
    """Blocks of attention and feed-forward, one after the other."""

    width: Count = 64
    """Channels of a token between the blocks; a multiple of `num_heads`."""

    num_heads: Count = 2
    """Heads of each attention, of width / num_heads channels each."""

    num_kv_heads: Count | None = None
    """Key and value heads, shared by groups of heads; none: `num_heads`."""

    feed_forward_width: Count = 256
    """Channels inside a block's feed-forward."""

    layout: Layout = "one-token"
    """Tokens of a transition: one, the sum of its embeddings, or three, as in the paper."""

    reads_rewards: bool = True
    """Whether tokens say which rewards were paid, in training and in acting."""

    reads_return: bool = False
    """Whether tokens say what their episode is still to earn: true in training, asked for in acting
    (evaluation.target_return)."""

    context: Context = "sequence"
    """What came before: a sequence, or a set of whole transitions, read in no order (DPT)."""

    picture_encoder: PictureEncoding = "patches"
    """What tokens see of pictures: patches, joined level by level, in little time on a processor;
    the paper's convolutions; or one projection of all pixels."""

    picture_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the numbers that training drops behind each level of the encoder of pictures."""

    frame_stack: Count = 1
    """Pictures that a token sees of its episode, the newest last; where there are fewer yet, the
    first of them again. Of windows that begin within an episode the first is the window's."""

    norm: Literal["pre", "post"] = "pre"
    """Whether a block normalises what it reads, or what it has added to."""

    position_encoding: PositionEncoding = "none"
    """What tells a token its place in the history; its step in the episode it always knows."""

    rope_base: float = Field(default=10_000.0, gt=1.0)
    """Base of the wavelengths of "rope" and "partial-rope"."""

    num_learned_positions: Count | None = None
    """Transitions that "learned" positions have a row for; a history cannot be longer."""

    qk_norm: bool = False
    """Whether queries and keys are normalised, so that no logit exceeds `max_logit`."""

    max_logit: float = Field(default=32.0, gt=0.0)
    """Bound of a logit's magnitude under `qk_norm`."""

    attention_window: Count | list[Count | None] | None = 256
    """Transitions that a token attends to, itself included; none: all; a list: one per layer."""

    attention_backend: str = "auto"
    """Of `adfast.attention.BACKENDS`, by name; auto: the first that supports heads and device."""

    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the channels that training drops behind each part of a block."""

    attention_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the attention's weights that training drops; it then attends by plain matrices."""

    sequence_mask: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Probability that training shows a learned blank in place of a token."""

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
        if self.context == "set" and (self.layout, self.position_encoding) != ("one-token", "none"):
            raise ValueError(
                'context "set" has no order, so a token must hold a transition and no place: it '
                'needs layout "one-token" and position_encoding "none", got '
                f'"{self.layout}" and "{self.position_encoding}"'
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
