"""Contests of the training step, one core, against the same model in the layout of the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import count

import numpy as np
import torch

from benchmarks.contest import Contest, NotEquivalent, require_close
from benchmarks.engine import (
    BatchSource,
    HistoryStore,
    ModelConfig,
    OptimizerGroup,
    ShardedGradient,
    TrainingConfig,
    Transformer,
    TransitionSchema,
    from_arrays,
    next_action_loss,
    on_torch_kernels,
    source_algorithms,
    tasks,
)
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender
from benchmarks.rivals import research_script
from benchmarks.rivals.optional import with_rivals
from benchmarks.rivals.three_token import ThreeTokenTransformer

TOLERANCE = 1e-4

Batch = dict[str, torch.Tensor]
LONGEST_DENSE = 512  # transitions
MOST_UPDATES = 10**7  # more than are ever timed


@contextmanager
def step(
    family: str, context_length: int, batch_size: int, attention_window: int
) -> Iterator[Contest]:
    """Batch, gradient, clipping and optimisers, against three tokens under torch's is_causal.

    Both models have the same width, layers, heads and feed-forward width, and draw the same batches
    of the same histories. At lengths at which a dense mask is bearable, a research script joins
    them, which trains a model of that size in its own way on windows of these histories.
    """
    made = tasks.make(family)
    schema = made.transition_schema
    config = ModelConfig(attention_window=attention_window)
    training = TrainingConfig(
        updates=MOST_UPDATES, batch_size=batch_size, context_length=context_length, threads=1
    )
    store = learning_histories(family, context_length)
    batches = BatchSource(store, training, seed=0)

    with one_torch_thread():
        transitions = batch_size * context_length
        subject = training_step(Transformer(config, schema, seed=0), batches, training)
        rival = training_step(ThreeTokenTransformer(config, schema), batches, training)
        contest = Contest(
            Contender("one token, window", subject, transitions),
            (Contender("three tokens, is_causal", rival, transitions),),
            lambda: require_paper_model(config, schema, batches(0)),
        )
        if context_length > LONGEST_DENSE:
            yield contest
        else:
            histories = [store.history(index) for index in range(store.num_histories)]
            shape = (batch_size, context_length)
            script = research_script.training_rival(config, schema, histories, shape)
            yield with_rivals(contest, [script])


@contextmanager
def attention_path(
    family: str, context_length: int, batch_size: int, attention_window: int, num_heads: int
) -> Iterator[Contest]:
    """The training step with the native CPU attention against the same step on torch's kernels."""
    config = ModelConfig(attention_window=attention_window, num_heads=num_heads)
    training = TrainingConfig(
        updates=MOST_UPDATES, batch_size=batch_size, context_length=context_length, threads=1
    )
    batches = BatchSource(learning_histories(family, context_length), training, seed=0)
    schema = tasks.make(family).transition_schema
    native, banded = (Transformer(config, schema, seed=0) for _ in range(2))

    def gradient(model: Transformer) -> list[np.ndarray]:
        model = deepcopy(model)
        fill_randomly(model)
        batch = batches(0)
        next_action_loss(model(batch), batch["action"]).backward()  # type: ignore[no-untyped-call]
        gradients = [parameter.grad for parameter in model.parameters()]
        return [found.numpy() for found in gradients if found is not None]

    def check() -> None:
        rival = on_torch_kernels(banded, lambda: gradient(banded))
        for ours, theirs in zip(gradient(native), rival, strict=True):
            require_close("gradient", ours, theirs, TOLERANCE)

    with one_torch_thread():
        transitions = batch_size * context_length
        subject, step = (training_step(model, batches, training) for model in (native, banded))
        rival = Contender("torch's kernels", lambda: on_torch_kernels(banded, step), transitions)
        yield Contest(Contender("native attention", subject, transitions), (rival,), check)


def require_paper_model(config: ModelConfig, schema: TransitionSchema, batch: Batch) -> None:
    """Raise `NotEquivalent` unless the rival in three tokens is the paper's model on `batch`.

    And unless ours, in one token, predicts as many actions.
    """
    paper = Transformer(
        config.model_copy(update={"layout": "three-token", "attention_window": None}),
        schema,
        seed=0,
    )
    rival = ThreeTokenTransformer(config, schema)
    fill_randomly(paper)
    rival.load_state_dict(paper.state_dict())
    subject_logits = Transformer(config, schema, seed=0)(batch)
    if subject_logits.shape != (*batch["action"].shape, schema.num_actions):
        raise NotEquivalent(f"logits: subject has shape {tuple(subject_logits.shape)}")
    gradients = []
    for model in (paper, rival):
        logits = model(batch)
        next_action_loss(logits, batch["action"]).backward()  # type: ignore[no-untyped-call]
        gradients.append((logits.detach(), model.blocks[0].query_key_value.grad))
    for what, left, right in zip(("logits", "gradient"), *gradients, strict=True):
        require_close(what, left, right, TOLERANCE)


def learning_histories(family: str, min_length: int) -> HistoryStore:
    """Q-learning histories of at least `min_length` transitions, two of every task."""
    made = tasks.make(family)
    episodes = max(50, -(-min_length // made.episode_length) + 20)
    task_ids = np.repeat(np.arange(made.num_tasks), 2)
    arrays = made.transition_schema.allocate(len(task_ids), episodes * made.episode_length)
    algorithm = source_algorithms.make("q-learning")
    streams = np.arange(len(task_ids))
    lengths = algorithm.learn(made, task_ids, streams, episodes, seed=0, out=arrays)
    return from_arrays(made.transition_schema, arrays, lengths)


def training_step(
    model: torch.nn.Module, batches: Callable[[int], Batch], config: TrainingConfig
) -> Callable[[], None]:
    """What the training loop does in one update, apart from bookkeeping."""
    return updates(ShardedGradient(model, 1), OptimizerGroup(model, config), batches)


def updates(
    gradient: Callable[[Batch], object],
    optimizer: OptimizerGroup,
    batch_of: Callable[[int], Batch],
) -> Callable[[], None]:
    """A call of the next update."""
    numbers = count()

    def update() -> None:
        number = next(numbers)
        gradient(batch_of(number))
        optimizer.step(number)

    return update


def fill_randomly(model: torch.nn.Module) -> None:
    """Give every weight a random value: fresh output matrices are zero and would hide all."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=parameter.shape[-1] ** -0.5, generator=generator)
