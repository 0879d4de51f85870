"""Contests of what a training step costs beside its matrix products and its attention, one core.

Axes: B batch, T time, M tokens of a batch, H heads, D channels per head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch

from benchmarks.contest import Contest, require_close, show
from benchmarks.engine import (
    BatchSource,
    ModelConfig,
    OptimizerGroup,
    ShardedGradient,
    TrainingConfig,
    Transformer,
    computes_natively,
    feed_forward,
    gradients,
    linear,
    norm,
    packed_attention,
    summed_rows,
    tasks,
)
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender
from benchmarks.training import MOST_UPDATES, TOLERANCE, fill_randomly, learning_histories

NATIVE_MODULES = (feed_forward, linear, norm, summed_rows)

Result = TypeVar("Result")


@contextmanager
def step(
    family: str, context_length: int, batch_size: int, attention_window: int, num_heads: int
) -> Iterator[Contest]:
    """Forward and backward of the model, against the same with torch's kernels between products.

    The limit is the step's own matrix products and attention, of the same shapes, alone.
    """
    config = ModelConfig(attention_window=attention_window, num_heads=num_heads)
    schema = tasks.make(family).transition_schema
    batch = one_batch(family, context_length, batch_size)

    def model() -> Transformer:
        made = Transformer(config, schema, seed=0)
        fill_randomly(made)
        return made

    def gradient_of(step: Callable[[], object], model: Transformer) -> list[np.ndarray]:
        step()
        return [found.numpy().copy() for found in gradients(model)]

    with one_torch_thread():
        ours, theirs = model(), model()
        gradient, other = ShardedGradient(ours, 1), ShardedGradient(theirs, 1)

        def check() -> None:
            found = gradient_of(lambda: gradient(batch), ours)
            expected = gradient_of(lambda: with_torch_layers(lambda: other(batch)), theirs)
            for left, right in zip(found, expected, strict=True):
                require_close("gradient", left, right, TOLERANCE)

        transitions = batch_size * context_length
        yield Contest(
            Contender("forward and backward", lambda: gradient(batch), transitions),
            (
                Contender(
                    "torch between products",
                    lambda: with_torch_layers(lambda: other(batch)),
                    transitions,
                ),
            ),
            check,
            Contender(
                "products and attention",
                products_and_attention(config, schema.num_actions, batch_size, context_length),
                transitions,
            ),
        )


@contextmanager
def update(
    family: str, context_length: int, batch_size: int, attention_window: int, num_heads: int
) -> Iterator[Contest]:
    """Gradient, clipping and optimisers, against the gradient alone: what the optimisers take."""
    config = ModelConfig(attention_window=attention_window, num_heads=num_heads)
    model = Transformer(config, tasks.make(family).transition_schema, seed=0)
    batch = one_batch(family, context_length, batch_size)
    with one_torch_thread():
        gradient = ShardedGradient(model, 1)
        optimizer = OptimizerGroup(model, TrainingConfig(updates=MOST_UPDATES))

        def whole() -> None:
            gradient(batch)
            optimizer.step(0)

        transitions = batch_size * context_length
        yield Contest(
            Contender("update", whole, transitions),
            (Contender("gradient alone", lambda: gradient(batch), transitions),),
            lambda: show("the rival is a part of the subject"),
        )


def one_batch(family: str, context_length: int, batch_size: int) -> dict[str, torch.Tensor]:
    """A batch of windows `[B, T, ...]` of learning histories."""
    training = TrainingConfig(
        updates=MOST_UPDATES, batch_size=batch_size, context_length=context_length
    )
    return BatchSource(learning_histories(family, context_length), training, seed=0)(0)


def products_and_attention(
    config: ModelConfig, num_actions: int, batch_size: int, context_length: int
) -> Callable[[], None]:
    """The matrix products and the attention of one step, forward and backward, on random data."""
    width, hidden = config.width, config.feed_forward_width
    num_heads = config.num_heads + 2 * config.resolved_num_kv_heads
    tokens = batch_size * context_length * config.tokens_per_transition
    of_a_layer = [
        (width, num_heads * config.head_dim), (width, width), (width, hidden), (hidden, width)
    ]  # fmt: skip
    shapes = of_a_layer * config.num_layers + [(width, num_actions)]
    inputs = {columns: torch.randn(tokens, columns) for pair in shapes for columns in pair}
    weights = [torch.randn(columns, rows) for rows, columns in shapes]
    projected = torch.randn(
        batch_size, context_length, num_heads, config.head_dim, requires_grad=True
    )
    d_out = torch.randn(batch_size, context_length, config.num_heads, config.head_dim)

    def compute() -> None:
        for weight in weights:
            columns, rows = weight.shape
            torch.mm(inputs[rows], weight.T)
            torch.mm(inputs[columns], weight)
            torch.mm(inputs[columns].T, inputs[rows])
        for window in config.layer_token_windows:
            out = packed_attention(projected, config.num_heads, window=window)
            torch.autograd.grad(out, projected, d_out)

    return compute


def with_torch_layers(call: Callable[[], Result]) -> Result:
    """What `call` returns where torch computes all but attention."""
    natively = computes_natively
    for module in NATIVE_MODULES:
        setattr(module, "computes_natively", lambda *tensors: False)  # noqa: B010
    try:
        return call()
    finally:
        for module in NATIVE_MODULES:
            setattr(module, "computes_natively", natively)  # noqa: B010
