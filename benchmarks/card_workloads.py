"""The rows of the table that a card computes. Titles name the receptive field of the model."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.workload import Bar, ContestModule, Workload

card_attention = ContestModule("card_attention")
card_training = ContestModule("card_training")
evaluation = ContestModule("evaluation")

of_attention = partial(Workload, layer="attention", unit="live scores")
of_training = partial(Workload, layer="training", unit="transitions")
of_acting = partial(Workload, layer="evaluation", unit="environment steps")

CARD = {"device": "cuda"}
MODEL = {"num_layers": 4, "num_heads": 4}  # of width 64
SMALL_SHAPE = {"length": 64, "batch": 1, "num_heads": 2}
STEP = {"family": "dark-room", "context_length": 4096, "batch_size": 32, "attention_window": 256}
ACTING = {"family": "dark-room", "window": 256, "model": MODEL}
SMALL_ACTING = {"num_environments": 4, "window": 16}

ALL_CAUSAL = ("SDPA flash", "SDPA cudnn", "SDPA efficient")
WINDOWED = ("varlen_attn", "FlexAttention", "flash-attn 2", "flash-attn 3")


def shape_of(head_dim: int, window: int | None, batch: int) -> dict[str, Any]:
    """16,384 tokens in eight heads."""
    shape = {"head_dim": head_dim, "window": window, "batch": batch}
    return shape | {"length": 16384, "num_heads": 8} | CARD


def attention_row(
    head_dim: int, window: int | None, batch: int, bar: float | None, *, backward: bool = True
) -> Workload:
    """The kernel at one shape against the rivals there; the bar is the ratio to the fastest."""
    kind = "causal" if window is None else f"window-{window}"
    seen = "all before" if window is None else f"window {window}"
    return of_attention(
        f"cuda-attention-{kind}-head-{head_dim}{'' if backward else '-forward'}",
        f"16,384 tokens, {seen}, heads of {head_dim}{'' if backward else ', forward alone'}",
        factory=card_attention.forward_backward,
        arguments=shape_of(head_dim, window, batch) | {"backward": backward},
        small=SMALL_SHAPE,
        bars=() if bar is None else (Bar("ratio", at_least=bar, rival=None),),
        optional=(ALL_CAUSAL if window is None else ()) + WINDOWED,
    )


CARD_WORKLOADS = (
    attention_row(16, 256, 64, 1.3),
    attention_row(32, 256, 64, 1.3),
    attention_row(16, None, 2, 1.2),
    attention_row(32, None, 2, 1.2),
    attention_row(64, None, 2, 0.85),
    attention_row(16, None, 2, None, backward=False),
    attention_row(16, 1024, 16, None),
    attention_row(64, 256, 32, None),
    *(
        of_attention(
            f"cuda-attention-variants-{kind}",
            f"16,384 tokens, {seen}, heads of 16, beside variants of the kernel",
            factory=card_attention.variants,
            arguments=shape_of(16, window, batch),
            small=SMALL_SHAPE,
            rivals=("deterministic", "bounded logits"),
        )
        for kind, seen, window, batch in (
            ("window-256", "window 256", 256, 64),
            ("causal", "all before", None, 2),
        )
    ),
    *(
        Workload(
            f"cuda-attention-decode-{num_environments}",
            f"a step of one layer in {num_environments:,} environments, window 256",
            "attention",
            "environment steps",
            card_attention.decode,
            {"num_environments": num_environments, "window": 256, "num_heads": 4, "head_dim": 16}
            | CARD,
            {"num_environments": 8},
        )
        for num_environments in (512, 4096)
    ),
    of_training(
        "cuda-training-step-4096",
        "training step, 32 x 4,096 transitions, receptive field 1,021",
        factory=card_training.step,
        arguments=STEP | CARD,
        small={"context_length": 64, "batch_size": 2, "attention_window": 16},
        bars=(Bar("rate", at_least=8e6), Bar("ratio", at_least=20)),
        rivals=("three tokens, compiled",),
    ),
    *(
        of_training(
            f"cuda-training-sequence-{kind}",
            f"training step, one sequence of {length:,}, receptive field {field}",
            factory=card_training.sequence,
            arguments={"length": length, "attention_window": window} | CARD,
            small=small,
        )
        for kind, field, length, window, small in (
            ("causal", "all before", 1 << 18, None, {"length": 128}),
            ("window-256", "1,021", 1 << 20, 256, {"length": 256, "attention_window": 16}),
        )
    ),
    of_acting(
        "cuda-streaming-evaluation-4096",
        "act in context in 4,096 environments, receptive field 1,021",
        factory=evaluation.streaming,
        arguments={"num_environments": 4096} | ACTING | CARD,
        small=SMALL_ACTING,
        bars=(Bar("rate", at_least=5e6), Bar("ratio", at_least=100)),
        rivals=("recomputed window",),
    ),
    of_acting(
        "cuda-fused-layers-16",
        "act in context in 16 environments, receptive field 1,021, a layer one kernel",
        factory=evaluation.fused_layers,
        arguments={"num_environments": 16} | ACTING | CARD,
        small=SMALL_ACTING,
        rivals=("its operations",),
    ),
)
