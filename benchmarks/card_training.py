"""Contests of the training step on a card, in the precision and compiled as a training is there.

On the processor the same code computes in float32, uncompiled: tests go through it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import torch

from benchmarks import device as devices
from benchmarks.card_workloads import MODEL
from benchmarks.contest import Contest, show
from benchmarks.engine import (
    BatchPrefetcher,
    BatchSource,
    CapturedUpdate,
    CudaTransfer,
    ModelConfig,
    OptimizerGroup,
    TrainingConfig,
    Transformer,
    UndividedGradient,
    resolve_precision,
    tasks,
)
from benchmarks.pair_timer import Contender
from benchmarks.recall_task import RecallTask
from benchmarks.rivals.compiled_three_token import CompiledThreeTokenGradient
from benchmarks.rivals.three_token import ThreeTokenTransformer
from benchmarks.training import (
    MOST_UPDATES,
    Batch,
    learning_histories,
    require_paper_model,
    updates,
)

CHECKED_TRANSITIONS = 128


def card_model(attention_window: int | None) -> ModelConfig:
    """The model of every workload of a card."""
    return ModelConfig(**MODEL, attention_window=attention_window)


@contextmanager
def step(
    family: str, context_length: int, batch_size: int, attention_window: int, device: str
) -> Iterator[Contest]:
    """Batch, gradient and optimisers, against the layout of the paper as one would run it there."""
    config = card_model(attention_window)
    schema = tasks.make(family).transition_schema
    settings = TrainingConfig(
        updates=MOST_UPDATES, batch_size=batch_size, context_length=context_length
    )
    source = BatchSource(learning_histories(family, context_length), settings, seed=0)
    model = Transformer(config, schema, seed=0).to(device).train()
    rival = ThreeTokenTransformer(config, schema).to(device).train()

    def check() -> None:
        short = {name: values[:1, :CHECKED_TRANSITIONS] for name, values in source(0).items()}
        require_paper_model(config, schema, short)

    with (
        devices.memory_given_back(device),
        batches_on(device, source) as batch_of,
        batches_on(device, source) as rival_batch_of,
    ):
        ours = updates_on(device, model, settings, batch_of)
        theirs = updates(
            CompiledThreeTokenGradient(rival), OptimizerGroup(rival, settings), rival_batch_of
        )
        transitions = batch_size * context_length
        yield Contest(
            Contender("one token, window", ours, transitions),
            (Contender("three tokens, compiled", theirs, transitions),),
            check,
            clock=devices.clock_of(device),
        )


@contextmanager
def sequence(length: int, attention_window: int | None, device: str) -> Iterator[Contest]:
    """One update on one sequence as long as a card bears; nobody else does it."""
    task = RecallTask(length, 1, seed=0)
    model = Transformer(card_model(attention_window), task.schema, seed=0).to(device).train()
    batch = {name: values.to(device) for name, values in task(0).items()}
    gradient = UndividedGradient(model, precision_on(device))
    optimizer = OptimizerGroup(model, TrainingConfig(updates=MOST_UPDATES))
    with devices.memory_given_back(device):
        yield Contest(
            Contender("update", updates(gradient, optimizer, lambda number: batch), length),
            (),
            lambda: show("nobody else is timed"),
            clock=devices.clock_of(device),
        )


def precision_on(device: str) -> torch.dtype:
    """What blocks compute in there."""
    precision: torch.dtype = resolve_precision("auto", torch.device(device), "precision")
    return precision


def updates_on(
    device: str, model: Transformer, settings: TrainingConfig, batch_of: Callable[[int], Batch]
) -> Callable[[], None]:
    """A call of the next update, as a training does it there."""
    optimizer = OptimizerGroup(model, settings)
    if device == "cpu":
        return updates(UndividedGradient(model, precision_on(device)), optimizer, batch_of)
    gradient = UndividedGradient(model, precision_on(device), compiler="inductor")
    captured, numbers = CapturedUpdate(gradient, optimizer), count()

    def update() -> None:
        number = next(numbers)
        captured(number, batch_of(number), None)

    return update


@contextmanager
def batches_on(device: str, source: BatchSource) -> Iterator[Callable[[int], Batch]]:
    """The batches of `source` as a training takes them there."""
    if device == "cpu":
        yield source
        return
    transfer = CudaTransfer(torch.device(device))
    with BatchPrefetcher(source.fill, range(MOST_UPDATES), source(0), transfer) as prefetched:
        yield prefetched
